"""Sentences in a task's text that address the router instead of describing the work.

The text of a task is data: an instruction in it cannot choose tier, budget or format. Such sentences are taken out before
the classifier reads the text; where nothing else is left, the text stays and the verdict is marked as not sure.
"""

import re

_TARGET = r"""(?:
    orchestration|implementation|reasoning|status(?:[\s_-]check)?|monitoring|planning|decision|test[\s_-]coordination
  | code[\s_-]generation|documentation|test[\s_-]writing|api[\s_-]endpoint|architecture|security[\s_-]analysis
  | complex[\s_-]debugging|design[\s_-]review
)"""
_MODEL = r"""(?:
    (?:cheap(?:est|er)?|free|low(?:est)?(?:[\s-]cost)?|small(?:est|er)?|fast(?:est)?|light(?:weight)?|basic|best|biggest|strongest
      |top|premium|(?:most\s)?expensive|smart(?:est)?|default)[\s-]+(?:possible\s+|available\s+)?(?:ai\s+|language\s+)?
    (?:model|tier|llm|option|lane|track|queue|agent|engine)s?
  | gemini|(?:claude[\s-]*)?(?:haiku|sonnet|opus)|flash(?:[\s-]lite)?(?:\s(?:model|tier))?
  | billigst\w*\s(?:modell|stufe)|günstigst\w*\s(?:modell|stufe)
  | mod[eè]l\w*\s(?:le\smoins\scher|(?:m[aá]s|mais)\s(?:barat\w|económic\w)|più\seconomic\w)
  | сам\w+\sдеш[её]в\w+\s(?:модел\w+|уров\w+)|最便宜的?(?:模型|等级)|最も?安いモデル|가장\s(?:싼|저렴한)\s모델
)"""
_OVERRIDE = re.compile(
    r"""\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}
        \b(?:instructions?|rules?|prompts?|guidelines|polic(?:y|ies)|classif\w+|routing|context|everything|system|above|previous)\b
      | \bignorier\w*\b.{0,40}\b(?:anweisung\w*|regeln|vorgaben|einstufung)\b
      | \bignor(?:a|e|ez|ieren|uj|eer)\b.{0,40}\b(?:instruc\w+|istruzioni|r[eè]gl\w+|regras|reglas|consignes|polece\w+|instruction\w*)\b
      | игнориру\w+.{0,40}(?:инструкци|указани|правил)\w+ | (?:忽略|无视|忽視|無視).{0,12}(?:指令|指示|说明|規則|规则)
      | (?:指示|命令|ルール).{0,8}無視 | (?:지시|명령|규칙).{0,8}무시 | (?:talimat|kural)\w*.{0,20}(?:yok\ssay|görmezden)\w*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(
    rf"""\b(?:classif\w+|categori[sz]e\w*|label(?:l?ed)?|rout(?:e|ed|ing)|tag(?:ged)?|treat(?:ed)?|mark(?:ed)?|flag(?:ged)?|send|sent
          |assign(?:ed)?|handle[d]?|consider(?:ed)?|count(?:s|ed)?|fil(?:e|ed)|bill(?:ed)?|use|run|serve[d]?|put|go(?:es)?|belongs?
          |einstufen|einordnen|klassifizier\w+|clasif\w+|class(?:er|ez|é)|classificar?\w*|leite\w*|schick\w*|envía\w*|envoie\w*)\b
        .{{0,60}}?(?:\b(?:as|under|to|in|into|als|como|comme|come|an|al?|au|à|with|for)\b.{{0,20}}?)?
        (?:{_MODEL}|\b(?:as|als|como|comme|come|under|tier|type)\b[^.]{{0,15}}?\b{_TARGET}\b|\b{_TARGET}\s+(?:tier|type|class|category|lane|track)\b)
      | (?:归类为|分类为|分類為|分類して|として分類|视为).{{0,20}} | классифицир\w+.{{0,20}}как
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FIELD = re.compile(
    rf"""["']?\b(?:tier|task[\s_-]?type|category|classification|class|label|route|model|type)["']?\s*(?:[:=]|\bis\b|→|->)\s*["']?
        (?:{_TARGET}|{_MODEL})\b["']?""",
    re.IGNORECASE | re.VERBOSE,
)
_BELITTLING = re.compile(
    r"""\b(?:this|it|that|das|dies|esto|ceci|c)\b[\s'’]*(?:is|s|ist|es|est|was)\b.{0,25}
        \b(?:just|only|merely|simply|nothing\s(?:more\sthan|but)|trivial|really|nur|bloß|solo|seulement|juste)\b.{0,30}
        \b(?:status|check|ping|orchestration|routing|planning|scheduling|monitoring|trivial|simple|easy|small|quick|statusabfrage|statusprüfung
           |consulta|vérification|question|decision)\b
      | \bno\s(?:reasoning|thinking|expensive\smodel|analysis)\s(?:is\s)?(?:needed|required|necessary)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE = re.compile(r"[^.!?;\n。!?;]*[.!?;\n。!?;]*")
_HINT = re.compile(
    r"ignor|disregard|forget|overrid|bypass|skip|classif|categor|label|rout|tag|treat|mark|flag|send|sent|assign|handle|consider|count|fil"
    r"|bill|use|run|serve|put|go|belong|tier|type|model|just|only|mere|simpl|nothing|trivial|really|nur|bloß|solo|seul|juste|no |einstuf"
    r"|einordn|klassif|clasif|leit|schick|env|[\u0400-\u04ff\u3040-\u9fff\uac00-\ud7a3]|talimat|kural",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
MIN_WORDS_LEFT = 3


def _is_steering(sentence: str) -> bool:
    return bool(
        _OVERRIDE.search(sentence)
        or _ADDRESS.search(sentence)
        or _FIELD.search(sentence)
        or _BELITTLING.search(sentence)
    )


def without_steering(text: str) -> tuple[str, bool]:
    """Return the text without sentences that try to choose its own tier, type or model, and False.

    A text that consists of little else is returned whole, with True: it is then all there is to go by.
    """
    if not _HINT.search(text):
        return text, False
    sentences = _SENTENCE.findall(text)
    kept = [sentence for sentence in sentences if not _is_steering(sentence)]
    if len(kept) == len(sentences):
        return text, False
    rest = "".join(kept)
    if len(_WORD.findall(rest)) < MIN_WORDS_LEFT and not re.search(r"[\u3040-\u9fff]{4}", rest):
        return text, True
    return rest, False
