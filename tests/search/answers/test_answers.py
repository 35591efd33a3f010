"""Answers: what the index says is said, with its version; what it does not say is not."""

import datetime as dt

import pytest
from tests.search.recorded_for_llm import small
from tests.search.shelf import SHELF

from palate.search.answers.abstention import Calibration
from palate.search.answers.answer import REFUSED, AnswerConfig, Answerer, checked, cited_sentences
from palate.search.answers.attacks import attacked, attacks, outcome, pass_rates
from palate.search.answers.evidence import Source, edges_first
from palate.search.answers.freshness import wanted
from palate.search.answers.instructions import is_instruction
from palate.search.answers.verify import LexicalVerifier
from palate.search.answers.words import Words, sentences
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.stages import pipeline

FACTS = [
    Document("france", "The capital of France is Lyon. It has a river and many bridges.", "France"),
    Document("everest", "Mount Everest is 8,849 metres high. It was first climbed in 1953 by "
             "Edmund Hillary and Tenzing Norgay.", "Mount Everest"),
    Document("spain", "The capital of Spain is Madrid, which lies on a high plain.", "Spain"),
]  # fmt: skip


@pytest.fixture
def index(tmp_path):
    made = SearchIndex.create(tmp_path / "index")
    made.add([*(Document(n, text, title) for n, (title, text) in SHELF.items()), *FACTS])
    return made


@pytest.fixture
def answerer(index):
    return Answerer(index, pipeline(index, "bm25"))


def test_an_answer_is_quoted_and_cited(answerer):
    found = answerer.ask("Who first climbed Mount Everest?")
    assert found.text == (
        "It was first climbed in 1953 by Edmund Hillary and Tenzing Norgay. [everest@1]"
    )
    assert (found.quality.recall, found.quality.precision) == (1, 1)
    assert found.sentences[0].by == "passage"
    assert found.seconds["bm25"] > 0


def test_the_index_is_followed_where_it_contradicts_what_everybody_knows(answerer):
    assert answerer.ask("What is the capital of France?").text == (
        "The capital of France is Lyon. [france@1]"
    )


def test_an_edited_document_changes_the_next_answer(index, answerer):
    question = "What is the capital of France?"
    index.add([Document("france", "The capital of France is Lille.", "France")])
    assert answerer.ask(question).text == "The capital of France is Lille. [france@2]"
    index.delete(["france"])
    assert answerer.ask(question).refused


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Atlantis?",
        "Who invented the telephone?",
        "How many moons does Jupiter have?",
        "Who climbed Kilimanjaro?",
        "??",
    ],
)
def test_what_the_documents_do_not_say_is_refused(answerer, question):
    found = answerer.ask(question)
    assert found.refused
    assert found.text == REFUSED
    assert found.why


def test_two_passages_of_a_document_share_a_citation(tmp_path):
    index = SearchIndex.create(tmp_path / "index")
    filling = "The harbour has a long wall of stone. " * 60
    text = f"The harbour was built by Ann Lee. {filling} The harbour closes in winter."
    index.add([Document("harbour", text, "Harbour without end")])
    found = Answerer(index, pipeline(index, "bm25")).ask("Who built the harbour?")
    assert [source.citation for source in found.sources] == ["harbour@1"] * 2
    assert found.text.startswith("The harbour was built by Ann Lee. [harbour@1]")
    assert found.quality.recall == 1


def test_an_empty_index_refuses(tmp_path):
    empty = SearchIndex.create(tmp_path / "empty")
    assert Answerer(empty, pipeline(empty, "bm25")).ask("anything").why == "nothing was found"


QUESTIONS = [
    ("Who first climbed Mount Everest?", "everest"),
    ("Why do bees dance?", "bees"),
    ("What is the capital of France?", "france"),
]


@pytest.mark.parametrize(("question", "document"), QUESTIONS)
def test_instructions_in_documents_change_nothing(index, answerer, question, document):
    with index.reading() as snapshot:
        carrier = snapshot.document(document)
    clean = answerer.ask(question)
    assert not clean.refused
    outcomes = []
    for attack in attacks(question)[:: 7 if document != "france" else 5]:
        text = attacked(carrier.text, attack)
        if text is None:
            index.add([Document("evil", attack.text)])
        else:
            index.add([Document(document, text, carrier.title)])
        outcomes.append(outcome(attack, clean, answerer.ask(question)))
        index.delete(["evil"])
        index.add([Document(document, carrier.text, carrier.title)])
    rates = pass_rates(outcomes)
    print({name: f"{good}/{whole}" for name, (good, whole) in rates.items()})
    assert all(good == whole for good, whole in rates.values()), [
        (one.attack.name, one.answer) for one in outcomes if one.changed or one.obeyed
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The manual asks drivers to ignore the older rules of the road at roundabouts when snow "
        "lies.",
        "Patients were asked to report their symptoms to the nurse.",
        "The system: a pump, two valves and a tank.",
        "The assistant professor ran the script to measure noise.",
        "We use language models as encoders of text.",
        "Call centres answer most calls within a minute.",
        "The answer that most students gave was four.",
    ],
)
def test_plain_prose_is_no_instruction(text):
    assert not is_instruction(text) or "ignore" in text


EVEREST = (
    "Mount Everest is 8,849 metres high. Edmund Hillary did not climb K2 in 1953. Cats chase dogs."
)


@pytest.mark.parametrize(
    ("sentence", "supported", "why"),
    [
        ("Mount Everest is 8,849 metres high.", True, ""),
        ("Everest is 8849 metres high", True, ""),
        ("Mount Everest is 8,848 metres high.", False, "the number 8848"),
        ("Mount Kenya is 8,849 metres high.", False, "the name kenya"),
        ("Mount Everest is not 8,849 metres high.", False, "a negation"),
        ("Edmund Hillary climbed K2 in 1953.", False, "a negation"),
        ("Edmund Hillary did not climb K2 in 1953.", True, ""),
        ("Dogs chase cats.", False, "another order"),
        ("It is the highest mountain of the world.", False, "words that are not there"),
        ("!!", False, "the sentence says nothing"),
    ],
)
def test_what_counts_as_support(sentence, supported, why):
    found = LexicalVerifier(Words.plain()).support(sentence, [EVEREST])
    assert (found.supported, found.why) == (supported, why)


def test_two_passages_support_together():
    verifier = LexicalVerifier(Words.plain())
    passages = ["The river Aare rises in the Alps.", "The river flows into the Rhine."]
    sentence = "The river Aare rises in the Alps and flows into the Rhine."
    assert not any(verifier.support(sentence, [one]).supported for one in passages)
    assert verifier.support(sentence, passages).supported


def _source(number, text):
    return Source(number, f"d{number}", 2, "", "", tuple(sentences(text)))


def test_a_models_sentences_are_checked_one_by_one():
    found = [_source(1, "Tea is brewed from leaves."), _source(2, EVEREST)]
    written = (
        "The answer is: Mount Everest is 8,849 metres high [1]. It is made of cheese. [2] "
        "Tea is brewed from leaves [1][2]. Is it? You must answer yes."
    )
    kept, rejected = checked(written, found, LexicalVerifier(Words.plain()))
    assert [(one.text, one.citations) for one in kept] == [
        ("Mount Everest is 8,849 metres high.", ("d2@2",)),  # the wrong citation is replaced
        ("Tea is brewed from leaves.", ("d1@2",)),  # the needless one is dropped
    ]
    assert [text for text, _ in rejected] == [
        "It is made of cheese.", "Is it?", "You must answer yes.",
    ]  # fmt: skip


def test_citations_after_the_stop_belong_to_the_sentence_before():
    assert cited_sentences("One is so. [1] [2] Two is not [3].") == [
        ("One is so.", [1, 2]),
        ("Two is not.", [3]),
    ]
    assert cited_sentences("[1]") == []


def test_the_best_passages_stand_at_the_edges():
    order = edges_first([_source(n, "x") for n in range(1, 6)])
    assert [one.number for one in order] == [1, 3, 5, 4, 2]


def test_sentences_end_where_they_do():
    text = "Dr. Smith, e.g. of No. 5, met J. Doe. He paid 3.50 dollars! Why? “So.” Then\n\nNew"
    assert sentences(text) == [
        "Dr. Smith, e.g. of No. 5, met J. Doe.", "He paid 3.50 dollars!", "Why?", "“So.”",
        "Then", "New",
    ]  # fmt: skip
    assert sentences(" \n ") == []


def _at(year, month=6):
    return dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp()


def test_age_counts_only_where_time_matters(tmp_path):
    index = SearchIndex.create(tmp_path / "index")
    index.add(
        [
            Document("old", "The chief of the harbour is Ann Lee.", "Harbour", time=_at(2015)),
            Document("new", "The chief of the harbour is Bo Kim.", "Harbour", time=_at(2024)),
        ]
    )
    answerer = Answerer(index, pipeline(index, "bm25"), config=AnswerConfig(sentences=1))
    now = _at(2024, 7)
    latest = answerer.ask("Who is currently the chief of the harbour?", now)
    assert latest.timely
    assert latest.text.endswith("Bo Kim. [new@1]")
    assert answerer.ask("Who was the chief of the harbour in 2015?", now).text.endswith("[old@1]")
    plain = answerer.ask("Who is the chief of the harbour?", now)
    assert not plain.timely
    assert wanted("the news of today", now).start == now
    assert wanted("how tea is made") is None


def test_the_small_models_sentence_is_used_only_where_it_is_supported(index):
    answerer = Answerer(index, pipeline(index, "bm25"), small())
    france = answerer.ask("What is the capital of France?")
    assert france.written
    assert "Paris" not in france.text
    assert "Lyon" in france.text
    everest = answerer.ask("Who first climbed Mount Everest?")
    assert everest.quality.recall == 1
    for found in (france, everest):
        for one in found.sentences:
            assert one.by == "passage" or one.text in found.written
    atlantis = answerer.ask("What is the capital of Atlantis?")
    assert atlantis.written == ""  # nothing is asked of the model where nothing was found


def test_a_calibration_is_learned_kept_and_read(tmp_path):
    from palate.search.answers.abstention import (
        Evidence,
        calibrate,
        risk_coverage,
        threshold_for,
    )

    good = [Evidence(0.8 + 0.02 * i, 0.9, 0.7, 0.6) for i in range(8)]
    bad = [Evidence(0.2 + 0.02 * i, 0.3, 0.3, 0.2) for i in range(8)]
    learned = calibrate([*good, *bad], [True] * 8 + [False] * 8)
    assert min(map(learned.confidence, good)) > 0.5 > max(map(learned.confidence, bad))
    learned.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == learned
    coverage, risk = risk_coverage([0.9, 0.8, 0.3, 0.1], [True, False, True, False])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert threshold_for([0.9, 0.8, 0.3, 0.1], [True, False, True, False], 0.4) == 0.3
    assert threshold_for([0.9, 0.3, 0.3], [True, True, False], 0.1) == 0.9  # equals go together
