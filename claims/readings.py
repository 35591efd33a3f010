"""What the figures mean, a paragraph for each file of results that needs one."""

READINGS = {
    "lsat": """
For SASRec, as a judge of likes and as a ranker, retraining on everything is best. LSAT's mixture of
a long-term and a short-term model beats its parts and interpolated weights, no more. For language
models this has not been measured here yet.
""",
    "bigrec": """
A model this small writes 45 to 56 different titles for 943 people: the mode of its prior, whoever
asks. SASRec's scores injected lift it from 0.0069 to 0.0881, SASRec alone has 0.1057, the learned
fusion of the two 0.1061.
""",
    "ilm": """
The tokens are read, for without them the true title is far less likely, and four tokens an item
make it likelier than one does. But other items' tokens do as well, and an MLP in the Q-Former's
place does better: what is learned is that there are tokens, and what the answers look like.
""",
    "leader": """
On invented patients, so that nothing here says how good a method is at prescribing; PRAUC, where
the best that there can be is .763. The small student has .670, its teacher (six layers of
SmolLM2-135M, 170 times the parameters, 28 times as slow for one patient) .677, the student without
the teaching .647; a logistic regression (.695) and RETAIN (.700) beat all of them.
""",
    "llara": """
At this size all variants copy a candidate, hardly better chosen than by chance (.05): after 1,024
prompts the language model does not know even what is popular (.19). Four times as many prompts help
(.0997), and the model reads other items' vectors as well as the right ones (.0986). Nothing can be
told about curricula.
""",
    "recinterpreter": """
The words are not to be trusted at this size: a linear probe of the same state names far more that
is true, and so does naming popular items.
""",
    "lite-llm4rec-accuracy": """
Better than SASRec, and not to be told from a SASRec that starts from the same singular vectors and
averages its weights. The language model is not why it is good: layers that begin at random, the
texts of other films and no texts at all do as well. Its start, its gates and its regularisation
are. As the paper has it, it is no better than SASRec.
""",
    "llm4search": """
A language model of 135 million parameters does not help a search engine: its likelihoods order
about as well as BM25, and no other order that it is asked for, no text that it writes, no grade and
no simulated visit is worth its cost. What helps needs none: misspelt queries are mended by the
index's own words, and words and vectors by weighted scores are better than either alone on three
collections, and than their ranks fused on two; `hybrid` is that, and the default where vectors are.
""",
    "llm4search-gemma3-270m": """
Twice the size changes little: likelihoods come out above BM25 here, not beyond chance, and no other
order that is asked for is better than BM25's.
""",
    "search4llm": """
On all of SciFact. Preferences teach what they say, whichever loss is used: the better document's
sentence becomes the likelier answer, and nothing known is forgotten. Whether written answers are
better for it is not known: a judge this small decides every pair by its order. A model that
learned from a log rewrites far better than before; it still does not help, for BM25 hardly suffers
from the bad wordings that were planted. Of a heap, half of which is good, curation keeps texts that
are good and there once (.997), and a tiny model learns more from them than from as much of
everything (perplexity 735 and 915), with a thousand good and fifteen hundred bad texts, of the
kinds that were planted, to show the classifier what is meant.
""",
    "students-slit-slist": """
Three seeds of the teacher, of which the third came out low. SLIST, which learns what goes together
beside what comes next, has 99 % of the teacher's mean NDCG@10 at 1/217 of its latency: the goal is
met as a figure, not beyond chance. It needs no teacher for that: taught by what was said of others,
or not at all, it has as much.
""",
    "students": """
SLIT is fast enough and keeps 89 % of its teacher; it learns nothing from the teacher that it does
not learn from the events. SASRec taught is between .092 and .125 by seed, on average
no better than alone, or than SASRec taught by what was said of others, and keeps 91 %. The goal of
95 % at a hundredth of the latency is met by neither, but by SLIST (below). Teachers train beside
other work: read seconds of training as a rough guide.
""",
    "fusion": """
All five methods fused are better than any of them. Those that learn in seconds, fused, are better
than SASRec and not to be told from Lite-LLM4Rec; what it adds to the four classical ones cannot be
told, nor whether learned weights are better than reciprocal ranks.
""",
    "researcharena": """
As in the paper, a title as a dense query has the highest R@100 of the baselines, and structure and
content disagree on trees. What a small language model writes harms: its decompositions and STORM's
questions lead away from the topic. The agent finds 1.35 times as many of the references in its
first hundred as the best baseline and has 1.67 times its NDCG@10: of the goal of 1.5 times each,
one is reached.
""",
    "search_items": """
Who looks for the film that they saw next, by its genres, year or a word of its title, finds it with
BM25 at NDCG@10 .485, with their own taste mixed in at .643, with somebody else's at .550, with
popularity at .584.
""",
}
