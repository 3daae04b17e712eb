"""The document of an incident: whatever a bot logged stays inside its fence, whatever a person wrote is text."""

from datetime import UTC, datetime

from markdown_it import MarkdownIt

from chat_api.changes.schemas import ChangeEntry, ChangeKind, ChangesSince, ChangeType, LastChange
from chat_api.core.ids import new_id
from chat_api.incidents.evidence import MAX_LINE_CHARS, MAX_LOG_CHARS, masked_log
from chat_api.incidents.export import incident_markdown
from chat_api.incidents.schemas import (
    EvidenceView,
    IncidentBotView,
    IncidentDetails,
    IncidentEntryView,
    IncidentState,
    IncidentView,
)
from models import IncidentEntryKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVIL = "``` ````\n# evil <script>alert(1)</script> | [x](javascript:1) ![](http://evil/x.png) **bold**"


def test_hostile_words_stay_words() -> None:
    """One fence a log, no heading, link, image, cell or HTML that is not ours."""
    incident = IncidentView(
        incident_id=new_id(),
        cause="bot:elena",
        title=EVIL,
        detail=EVIL,
        state=IncidentState.OPEN,
        opened_at=NOW,
        resolved_at=None,
        duration_s=1,
        affected=1,
        failing=1,
        acknowledged_at=NOW,
        acknowledged_by=EVIL,
        acknowledge_reason=EVIL,
    )
    evidence = EvidenceView(
        bot_name="elena",
        captured_at=NOW,
        reason=EVIL,
        facts={"image": EVIL},
        checks=({"at": "now", "status": EVIL, "latency_ms": None},),
        log_lines=("~~~", *EVIL.split("\n"), "```````", "    ```", "end\u2028```"),
        problem=EVIL,
    )
    entry = ChangeEntry(kind=ChangeKind.MODEL, name=EVIL, change=ChangeType.CHANGED, before=EVIL, after=EVIL)
    hidden = ChangeEntry(kind=ChangeKind.ENVIRONMENT, name=EVIL, change=ChangeType.ADDED, is_hidden=True)
    last = LastChange(at=NOW, is_start=True, changes=(hidden,))
    since = ChangesSince(bot_name=EVIL, healthy_at=NOW, changes=(entry,), starts=2, last_change=last)
    details = IncidentDetails(
        incident=incident,
        bots=(IncidentBotView(bot_name="elena", status="offline", failed_at=NOW, error=EVIL),),
        timeline=(IncidentEntryView(at=NOW, kind=IncidentEntryKind.NOTE, content=EVIL, actor_name=EVIL),),
        evidence=(evidence,),
        changes=(since,),
    )
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(incident_markdown(details))
    inline = [child.type for token in tokens for child in token.children or ()]
    assert not {"html_inline", "link_open", "image", "code_inline"} & set(inline)
    assert [token.type for token in tokens].count("fence") == 1
    assert "html_block" not in [token.type for token in tokens]
    assert [token.type for token in tokens].count("heading_open") == 6
    fence = next(token for token in tokens if token.type == "fence")
    assert "<script>" in fence.content
    assert fence.content.rstrip().endswith("end ```")


def test_a_log_is_masked_and_bounded() -> None:
    """Secrets are gone before lines are cut; colours and control characters too; the newest lines win."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    line = f"\x1b[31mred\x1b[0m \x07token={token}"
    assert masked_log((line,)) == "red token=[redacted]"
    assert token[:20] not in masked_log(("x" * (MAX_LINE_CHARS - 12) + " " + token,))
    long = masked_log(tuple(f"{number} " + "y" * 3_000 for number in range(500)))
    assert len(long) <= MAX_LOG_CHARS
    assert long.split("\n")[-1].startswith("499 ")
