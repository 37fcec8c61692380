"""Reads a chief complaint as typed at triage: its abbreviations, the groups it belongs to, and how urgent those are."""

import re

LEAST_URGENT = 5  # last level of CTAS: Bullard et al., CJEM 2008;10(2):136-151

# What emergency charts abbreviate; most in use with triage nurses, as far as a reader without the chart can be sure.
ABBREVIATIONS = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (r"^[a-z]{1,2} - ", ""),  # "H-Headache", "V - vomiting": the key that picked it from a list
        (r"\bh-(?=headache)", ""),
        (r"\b(rt\b\.?|rigth\b)", "right "),
        (r"\blt\b\.?", "left "),
        (r"\b(abd\b\.?|abdomen\b)", "abdominal "),
        (r"\b[rl][ul]q\b", "abdominal quadrant "),
        (r"\bant\b\.?", "anterior "),
        (r"\bpost\b\.?(?= neck)", "posterior "),
        (r"\blac\b\.?", "laceration "),
        (r"\bha\b", "headache"),
        (r"\bloc\b", "loss of consciousness"),
        (r"\blbp\b", "low back pain"),
        (r"\bdi\b", "drug intoxication"),
        (r"\bfb\b", "foreign body"),
        (r"\bf/c\b", "fever chill"),
        (r"\bc/s\b", "cough sputum"),
        (r"\b(sob|orthopnea)\b", "dyspnea"),
        (r"\b(bst|bsl)\b", "blood sugar"),
        (r"\bptx\b", "pneumothorax"),
        (r"\b(sezure)\b", "seizure"),
        (r"\b(mentality|mental status)\b", "mental"),
        (r"\bsorethroat\b", "sore throat"),
        (r"\b(nos|finding|undetermined)\b", ""),
    )
)

# Groups of the CEDIS list (Grafstein et al., CEDIS Presenting Complaint List, version 1.0, CJEM 2003;5(1):27-34), each
# with the level that CTAS gives its usual presentation before any modifier (Bullard et al., Revisions to the CTAS adult
# guidelines, CJEM 2008;10(2):136-151, tables 1 to 8).
GROUPS = {
    name: (level, re.compile(pattern))
    for name, level, pattern in (
        ("arrest", 1, r"arrest|cpr"),
        ("chest_pain", 2, r"chest (pain|discomfort|tight)|angina"),
        ("altered_consciousness", 2, r"mental|conscious|confus|drows|deliri|sleeping tend|stupor|coma|lethar|behavio"),
        ("stroke", 2, r"hemipar|hemipleg|side (weak|numb)|dysarth|aphasi|slurred|facial palsy|motor weak"
                      r"|paraparesis|monopar|(arm|leg) weak"),
        ("upper_bleeding", 2, r"hematemesis|melena|tarry"),
        ("overdose", 2, r"intoxic|overdose|ingestion|poison"),
        ("suicidal", 2, r"suicid|self.harm"),
        ("dyspnea", 3, r"dyspnea|breath|respiratory"),
        ("seizure", 3, r"seiz|convuls"),
        ("syncope", 3, r"syncop|faint|collaps|conscious"),
        ("headache", 3, r"headache"),
        ("abdominal_pain", 3, r"abdominal|epigastr|stomach"),
        ("lower_bleeding", 3, r"hematochezia|(anal|rectal) bleed|bloody stool"),
        ("vaginal_bleeding", 3, r"vaginal bleed"),
        ("hemoptysis", 3, r"hemoptysis|blood tinged|bloody sputum"),
        ("flank_pain", 3, r"flank"),
        ("palpitation", 3, r"palpit|tachycard|bradycard|arrhyth|heart"),
        ("dizziness", 3, r"dizz|vertig"),
        ("fever", 3, r"fever|chill|febrile"),
        ("weakness", 3, r"weakness|fatigue|oral intake|decreased activity"),
        ("vomiting", 3, r"vomit|nausea"),
        ("glucose", 3, r"hypoglyc|hyperglyc|blood sugar"),
        ("head_injury", 3, r"head (injury|trauma)"),
        ("blood_pressure", 3, r"blood pressure|hypoten|hyperten"),
        ("mental_health", 3, r"anxiety|depress|halluc|delusion|insomnia|psych|agitat|amnesia"),
        ("wound", 4, r"lacerat|wound|cut\b|bite|sting|scratch|skin defect"),
        ("injury", 4, r"injur|trauma|fall|fracture|contus|accident|assault|violence"),
        ("back_pain", 4, r"back pain|coccyg"),
        ("neck", 4, r"neck"),
        ("limb", 4, r"leg|arm|knee|ankle|shoulder|finger|hand|foot|toe|hip|wrist|elbow|thigh|calf|buttock|joint"),
        ("eye", 4, r"eye|ocular|vision|visual"),
        ("urinary", 4, r"dysuria|hematuria|void|urin|penile|oliguria|scrot|testi"),
        ("diarrhea", 4, r"diarrhea"),
        ("skin", 4, r"urticar|allerg|rash|itch|anaphyl|eczema|papule|skin lesion|cellulit|redness"),
        ("ear_nose", 4, r"epistaxis|nasal|otalgia|\bear\b|hearing|tmj|tinnitus"),
        ("numbness", 4, r"numb|paresth|tingl"),
        ("pregnancy", 4, r"vaginal|pprom|menstr|labou?r|pregnan|contraction"),
        ("dental", 4, r"tooth|dental|gingiv"),
        ("throat_cough", 4, r"cough|cold|throat|rhinor|sputum"),
        ("swelling", 4, r"swell|edema|disten|jaund|ascites"),
        ("foreign_body", 4, r"foreign"),
        ("errand", 5, r"medication|tube|tapping|abnormal lab|w/u|malfunction|leak|low hb|\bavf\b|refill|dressing"),
        ("pain", 5, r"pain|ache|algia|discomfort"),
        ("sudden", 5, r"acute|sudden|severe|thunder"),
    )
}  # fmt: skip
# CTAS, pain modifier: central pain comes from a body cavity or organ and may threaten life, peripheral pain does not.
CENTRAL = re.compile(r"chest|abdominal|epigastr|flank|head|neck|back|eye|ocular|throat|pelvi|stomach|testi|whole")


def normal(complaint: str) -> str:
    """Return the complaint in lower case, abbreviations written out, and "pain, chest" as "chest pain"."""
    text = " ".join(part.strip() for part in reversed(complaint.lower().split(",")))
    for pattern, meant in ABBREVIATIONS:
        text = pattern.sub(meant, text)
    return " ".join(re.sub(r"[^a-z0-9/ ]", " ", text).split())


def groups(text: str) -> dict[str, bool]:
    """Return for each group whether the normal text belongs to it."""
    return {name: bool(pattern.search(text)) for name, (_, pattern) in GROUPS.items()}


def level(found: dict[str, bool]) -> int:
    """Return the most urgent level of these groups; 5 where none is known."""
    return min((GROUPS[name][0] for name, held in found.items() if held), default=LEAST_URGENT)
