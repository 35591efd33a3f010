"""The methods of medication recommendation, in reading order."""

from __future__ import annotations

from palate.recommenders.registry import Method


def _ours(name: str, summary: str, target: str) -> Method:
    return Method(name, summary, "palate", f"palate.recommenders.medication.{target}")


BUILT_IN = (
    _ours("popularity", "the medications given most often, the same for everyone",
          "popularity:MedicationPopularity"),
    _ours("diagnosis-popularity", "what was given most often with each of the diagnoses",
          "diagnosis_popularity:DiagnosisPopularity"),
    _ours("logistic", "a logistic regression per medication on the codes of now and before",
          "logistic:Logistic"),
    _ours("retain", "attention over visits, and over what they hold, backwards in time",
          "retain:RETAIN"),
    _ours("gamenet", "a memory of medications given together, and of the patient's own visits",
          "gamenet:GAMENet"),
    _ours("safedrug", "an encoder of visits whose loss keeps interactions near a rate; "
          "its molecule encoders are left out", "safedrug:SafeDrug"),
    _ours("leader-teacher", "a language model reads the visits in words, a head says which "
          "medications", "leader_teacher:LeaderTeacher"),
    _ours("leader", "a small net over visits that learned from a language model",
          "leader:LEADER"),
)  # fmt: skip
