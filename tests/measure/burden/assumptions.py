"""What the synthetic laboratory and its people are assumed to be like: each number with its source, or ours."""

from dataclasses import dataclass

OURS = "our assumption"
UTRECHT = "UMC Utrecht, 23,718 visits with a standard panel (BMC Emerg Med 2022, doi 10.1186/s12873-022-00763-w)"
QUARTILES_APART = 1.349
"""Between the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Assumed:
    what: str
    value: float
    unit: str
    source: str


# When results come
EMERGENCY = Assumed("stays that end in the emergency department", 0.7, "share", OURS)
ORDERED_MIN = Assumed("from arrival to the order, median; quartiles 2 and 12", 7.0, "min", UTRECHT)
STAY_MIN = Assumed("emergency stay, median; quartiles 146 and 268", 199.0, "min", UTRECHT)
REPORTED_MIN = Assumed("from order to report, median; quartiles 41.1 and 65.0", 51.1, "min", UTRECHT)
WARD_DAYS = Assumed("days on a ward, median", 3.0, "d", OURS)
MOST_WARD_DAYS = Assumed("days on a ward, most", 8.0, "d", OURS)
CHEMISTRY_A_DAY = Assumed(
    "metabolic panels a day on a ward", 1.17, "1/d", "Mount Carmel West, general medicine 2015/16 (HVPAA 2019)"
)
COUNTS_A_DAY = Assumed(
    "blood counts a day on a ward", 1.19, "1/d", "Mount Carmel West, general medicine 2015/16 (HVPAA 2019)"
)
REST_A_DAY = Assumed("days on a ward with liver enzymes and CRP", 0.4, "share", OURS)
AGAIN = Assumed(
    "metabolic panels repeated in the emergency department", 0.019, "share",
    "within 8 h, children's hospital, 11,414 panels (Repeat laboratory testing in the pediatric emergency department,"
    " Penn LDI)",
)  # fmt: skip
AGAIN_CRITICAL = Assumed("critical values that are measured again one to two hours later", 0.8, "share", OURS)
TROPONIN = Assumed("stays with a troponin", 0.3, "share", OURS)
TROPONIN_AGAIN_H = Assumed(
    "from the first troponin to the second, where the stay lasts", 3.0, "h",
    "0/3 h sampling (JAMA Cardiol, Negative high-sensitivity troponin at 0 and 3 hours, 15 US departments)",
)  # fmt: skip
URINE = Assumed(
    "stays with urine tests, of those with blood tests", 0.5, "share",
    "18.2 of 36.7 % of US emergency visits 2006-2015 (NHAMCS-ED, Neyman 2020, doi 10.17632/cndz8cfbkw.1)",
)  # fmt: skip
GAS_ILL = Assumed("stays of the ill with blood gases", 0.4, "share", OURS)
GAS_WELL = Assumed("stays of the well with blood gases", 0.1, "share", OURS)
CULTURE = Assumed("stays on a ward with a blood culture", 0.25, "share", OURS)
CULTURE_GROWS = Assumed("blood cultures that grow", 0.08, "share", OURS)

# How they are reported
IN_PARTS = Assumed("reports that come in two parts, minutes apart", 0.3, "share", OURS)
PRELIMINARY = Assumed("reports that come as preliminary first, with the same values", 0.1, "share", OURS)
SENT_AGAIN = Assumed("reports that are sent again later, as a new version that says the same", 0.03, "share", OURS)
CORRECTED = Assumed(
    "results that are corrected", 0.00309, "share",
    "confirmed errors of a stat laboratory, 160 of 51,746 (Carraro and Plebani, Clin Chem 2007;53:1338), all of them"
    " taken to be corrected; CAP Q-Tracks QT16 counts corrections per 10,000 tests",
)  # fmt: skip
WITHDRAWN = Assumed("corrections that withdraw the result", 0.25, "share", OURS)
WHOLLY_SAID = Assumed("results with a flag and a range", 0.85, "share", OURS)
ONE_SAID = Assumed("results with a range alone, and as many with a flag alone", 0.05, "share", OURS)
SILENT = Assumed(
    "results with neither flag nor range", 0.05, "share", f"{OURS}; of Synthea's all are so (synthea issue 731)"
)
MOVED = Assumed("patients of whom a new version comes during the stay, with another address", 0.05, "share", OURS)

# What they say
ILL = Assumed("stays of the ill", 0.4, "share", OURS)
ILL_FACTOR = Assumed("abnormal results of the ill, in shares of all stays", 1.9, "times", OURS)
WELL_FACTOR = Assumed("abnormal results of the well; both together make the shares below", 0.4, "times", OURS)
CRITICAL = Assumed(
    "abnormal first results that are critical, where the laboratory has a limit on that side", 0.03, "share",
    f"{OURS}, so that about 0.4 % of results are critical: 0.1 % of all tests of a hospital (Delgado Rodríguez et al.,"
    " Biochem Med 2019;29:030703), and four fifths of critical values come from urgent tests (Arbiol-Roca et al.,"
    " Biochem Med 2019;29:010704)",
)  # fmt: skip
MENDED_A_DAY = Assumed("of the distance of an abnormal value from its range, mended in a day", 0.5, "share", OURS)
CALGARY = Assumed(
    "abnormal results of emergency departments", 0.401, "share",
    "3,395,312 results, Calgary 2014-2019 (Enwere et al., CJEM, doi 10.1007/s43678-020-00014-6)",
)  # fmt: skip

# What people do
ACT_NOW_MIN = Assumed("from showing to a decision, where the proposal is to act now, median", 10.0, "min", OURS)
OTHERS_MIN = Assumed("from showing to a decision, all others, median", 30.0, "min", OURS)
SLOW_MIN = Assumed(
    "from a troponin on the physician's telephone to a decision, median", 68.5, "min",
    "554 patients, Toronto (Verma et al., Ann Emerg Med 2017)",
)  # fmt: skip
DECISION_SPREAD = Assumed("of the logarithm of these times, standard deviation", 0.8, "", OURS)
READ_MIN = Assumed("to read a new version, least", 2.0, "min", OURS)
APPROVED = Assumed("proposals that are approved", 0.85, "share", OURS)
CHANGED = Assumed("proposals that are changed", 0.1, "share", OURS)
KEPT = Assumed("decisions that are kept where their evidence changed", 0.6, "share", OURS)
SEEN_ONLY = Assumed('"seen, nothing to do" where nothing is proposed', 0.7, "share", OURS)

ALL = tuple(value for value in tuple(globals().values()) if isinstance(value, Assumed))
