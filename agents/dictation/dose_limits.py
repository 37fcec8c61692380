"""What one dose of a drug can plausibly be. Outside it a person types the dose: it is too easily confirmed by a key."""

from agents.physiology import Range

# Our judgement: above this few drugs are given at once; magnesium sulfate and piperacillin come to 4.
MOST_GRAMS = 4.0
DOSES = {
    "g": Range(0, MOST_GRAMS, "our judgement: see MOST_GRAMS"),
    "mg": Range(0, MOST_GRAMS * 1000, "our judgement: MOST_GRAMS in milligrams"),
    "mcg": Range(0, 5000, "our judgement: from here people say milligrams"),
    "unit": Range(0, 50_000, "our judgement: a week's colecalciferol; only penicillins go further"),
    "tablet": Range(0, 20, "our judgement: a course of steroids has 8 or 12 at once; more is an overdose or misheard"),
    "puff": Range(0, 20, "our judgement: salbutamol by spacer is 10"),
    "drop": Range(0, 40, "our judgement: widely around what is prescribed"),
}
"""What one dose can be, by its unit."""
DOSES_OF = {
    **dict.fromkeys(
        (("insulin", "unit"), ("actrapid", "unit"), ("novorapid", "unit"), ("humalog", "unit"), ("lantus", "unit")),
        Range(0, 100, "our judgement: few people inject more at once, and U100 pens end at 60 or 80"),
    ),
    ("methotrexate", "mg"): Range(0, 30, "our judgement: a week's dose of arthritis or psoriasis is at most 25 to 30"),
    ("colchicine", "mg"): Range(0, 2, "our judgement: 1.8 mg is the most of one day in an acute attack"),
}
"""The same of drugs of which a tenfold dose kills, by name and unit; each is checked beside its unit's own."""
