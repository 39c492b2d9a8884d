"""Sentences in a task's text that address the router instead of describing the work.

The text of a task is data: an instruction in it cannot choose tier, budget or format. Such sentences are taken out
before the classifier reads the text; where little else is left, the text stays and the verdict is not sure. This is
the second line: training with such sentences added, label unchanged, is the first.
"""

import re

MIN_WORDS_LEFT = 3

_TARGET = (
    r"(?:orchestration|implementation|reasoning|(?:einfache\s)?status(?:[\s_-]?(?:check|abfrage|prüfung))?|monitoring|planning|decision"
    r"|test[\s_-]coordination|code[\s_-]generation|documentation|test[\s_-]writing|api[\s_-]endpoint|architecture"
    r"|security[\s_-]analysis|complex[\s_-]debugging|design[\s_-]review)"
)
_MODEL = (
    r"(?:(?:cheap(?:est|er)?|free|low(?:est|er)?(?:[\s-]cost)?|small(?:est|er)?|fast(?:est)?|light(?:weight)?|basic|best|strongest|top|premium"
    r"|(?:most\s)?expensive|smart(?:est)?|default)[\s-]+(?:possible\s|available\s)?(?:ai\s|language\s)?(?:model|tier|llm|lane)s?"
    r"|gemini|haiku|sonnet|opus|flash|billigste\w*\s(?:modell|stufe)|günstigste\w*\s(?:modell|stufe)"
    r"|mod[eè]l\w*\s(?:le\smoins\scher|(?:m[aá]s|mais)\s(?:barat|económic)\w*|più\seconomic\w)"
    r"|сам\w+\sдеш[её]в\w+\s(?:модел|уров)\w+)"  # noqa: RUF001
)
_VERB = (
    r"(?:classif\w+|categori[sz]\w+|label(?:l?ed)?|rout(?:e|ed|ing)|tag(?:ged)?|treat(?:ed)?|mark(?:ed)?|flag(?:ged)?|send|sent|assign(?:ed)?"
    r"|handled?|consider(?:ed)?|counts?|filed?|bill(?:ed)?|use|run|served?|put|goes|belongs?|answer(?:ed)?|process(?:ed)?|solved?|pick"
    r"|behandel\w+|einstufen|einordnen|stufe|klassifizier\w+|clasif\w+|class(?:er|ez|é)|trait(?:er|ez)|leite\w*|schick\w*|envía\w*|envoie\w*)"
)
_CUES = frozenset(
    [
        "model",
        "tier",
        "tiers",
        "llm",
        "llms",
        "lane",
        "lanes",
        "gemin",
        "haiku",
        "sonne",
        "opus",
        "flash",
        "as",
        "als",
        "como",
        "comme",
        "come",
        "under",
        "type",
        "types",
        "task",
        "categ",
        "class",
        "label",
        "route",
        "just",
        "only",
        "merel",
        "simpl",
        "nothi",
        "reall",
        "nur",
        "solo",
        "seule",
        "juste",
        "ignor",
        "disre",
        "forge",
        "overr",
        "bypas",
        "behan",
        "einst",
        "einor",
        "stufe",
        "istru",
        "regra",
        "dispa",
        "verdi",
        "answe",
    ]
)
"""First five letters of the words without which no ASCII sentence matches a pattern below: a cheap first look."""
_STEERING = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Ignore what was said before.
        r"\b(?:ignor\w*|disregard|forget|override|bypass)\b.{0,40}\b(?:instruc\w+|rules?|prompts?|guidelines|polic(?:y|ies)|classification|routing"
        r"|above|previous|anweisung\w*|regeln|vorgaben|istruzioni|r[eè]gles?|regl\w+|regras|consignes|polece\w+)\b",
        r"игнорир\w+.{0,40}(?:инструкц|указан|правил)|(?:忽略|无视|忽視|無視).{0,12}(?:指令|指示|说明|規則|规则)"
        r"|(?:指示|命令|ルール).{0,8}無視|(?:지시|명령|규칙).{0,8}무시|(?:talimat|kural)\w*.{0,20}(?:yok\ssay|görmezden)",
        # Take this for that, give it to such a model.
        rf"\b{_VERB}\b.{{0,60}}?\b{_MODEL}\b",
        rf"\b{_VERB}\b.{{0,40}}?\b(?:as|als|como|comme|come|under)\b.{{0,15}}?\b{_TARGET}\b",
        rf"\b{_TARGET}\b.{{0,15}}\b(?:behandeln|einstufen|einordnen)\b",
        rf"\b{_MODEL}\b.{{0,30}}\b(?:enough|fine|suffic\w*|will\sdo|ok(?:ay)?|needed|reicht|basta|suffit|хватит)\b",
        r"(?:归类为|分类为|分類為|として分類)|最便宜的?模型|最も?安いモデル|가장\s(?:싼|저렴한)\s모델|классифицир\w+.{0,20}как",
        rf"\b(?:classifier|dispatcher|verdict|answer|override)\b.{{0,25}}(?:\bis|\bbe|:)\s+{_TARGET}\b",
        # As a field or a tag.
        rf"\b(?:tier|(?:task[\s_-]?)?type|category|classification|label|route|model)\b[\"'>]*\s*(?:[:=>]|is\b|→)\s*[\"']?(?:{_TARGET}|{_MODEL})\b",
        # It is only a small thing.
        r"\b(?:this|it|that|das|dies|esto|ceci|below)\b[\s'’]*(?:is|s|ist|es|est|was)\b.{0,25}\b(?:just|only|merely|simply|nothing\smore\sthan"  # noqa: RUF001
        r"|really|nur|bloß|solo|seulement|juste)\b.{0,30}\b(?:status\w*|check|ping|orchestration|routing|planning|monitoring|trivial|simple|easy"
        r"|question|decision|task|vérification|consulta)\b",
    )
)
_SENTENCE = re.compile(r"[^.!?;\n。！？；]*[.!?;\n。！？；]*")  # noqa: RUF001
_WORD = re.compile(r"\w+")
_FIRST_LETTERS = re.compile(r"(?<![a-z])[a-z]{1,5}")
_UNSPACED_RUN = re.compile("[\u3040-\u9fff\uac00-\ud7a3]{4}")


def _may_steer(text: str) -> bool:
    return not text.isascii() or not _CUES.isdisjoint(_FIRST_LETTERS.findall(text.lower()))


def _is_steering(sentence: str) -> bool:
    return _may_steer(sentence) and any(pattern.search(sentence) for pattern in _STEERING)


def without_steering(text: str) -> tuple[str, bool]:
    """Return the text without sentences that try to choose its own tier, type or model, and False.

    A text that consists of little else is returned whole, with True: it is then all there is to go by.
    """
    if not _may_steer(text):
        return text, False
    sentences = _SENTENCE.findall(text)
    kept = [sentence for sentence in sentences if not _is_steering(sentence)]
    if len(kept) == len(sentences):
        return text, False
    rest = "".join(kept)
    if len(_WORD.findall(rest)) < MIN_WORDS_LEFT and not _UNSPACED_RUN.search(rest):
        return text, True
    return rest, False
