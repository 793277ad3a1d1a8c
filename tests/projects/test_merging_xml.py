from __future__ import annotations

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from lxml import etree

from projects.merging import ConfigError, FileType, KeyOrigin, Origin, merge, parse_check

# Elements as a person types them: few names, so that base and override meet.
blanks = st.sampled_from(["", "\n", "\n  ", " ", "\r\n\t"])
texts = st.sampled_from(["", "", "x", " y ", "a &amp; b", "<![CDATA[<c>]]>", "#{NAME}"])
asides = st.sampled_from(["", "", "<!-- why -->", "<?do it?>"])
attributes = st.dictionaries(
    st.sampled_from(["id", "name", "key", "port", "p:q"]),
    st.sampled_from(["1", "2", "a&lt;b", "it's"]),
    max_size=2,
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0, *, removals: bool = False) -> str:
    name = draw(st.sampled_from(["a", "b", "p:c"])) if depth else "root"
    opening = name + "".join(f' {key}="{value}"' for key, value in draw(attributes).items())
    if not depth:
        opening += ' xmlns:p="urn:p"'
    elif removals and draw(st.integers(0, 4)) == 0:
        opening += ' hydra:remove="true"'
    children = [draw(blanks), draw(texts), draw(asides)]
    for _ in range(draw(st.integers(0, 3 - depth)) if depth < 3 else 0):
        children += [draw(elements(depth + 1, removals=removals)), draw(blanks), draw(asides)]
    content = "".join(children)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening} />"


bases = st.builds("{}{}{}".format, st.sampled_from(["", '<?xml version="1.0"?>\n']), elements(),
                  st.sampled_from(["", "\n<!-- end -->\n"]))  # fmt: skip
overrides = elements(removals=True)


def merged_xml(base: str, override: str | None) -> str:
    return merge(FileType.XML, base, override).text


def merged_unless_contradictory(base: str, override: str) -> str:
    """Hypothesis also writes overrides that set and remove the same: those do not count."""
    try:
        return merged_xml(base, override)
    except ConfigError as refusal:
        if "both sets and removes" not in refusal.message:
            raise
        return reject()


def in_root(override: str) -> str:
    return f"<r>{override}</r>"


@given(bases, overrides)
def test_merging_twice_is_merging_once(base: str, override: str) -> None:
    once = merged_unless_contradictory(base, override)

    assert merged_xml(once, override) == once


@given(bases, overrides)
def test_every_merge_is_well_formed_and_free_of_hydra(base: str, override: str) -> None:
    result = merged_unless_contradictory(base, override)

    assert "hydra" not in result
    parse_check(FileType.XML, result)
    etree.fromstring(result.encode())


@given(bases, st.sampled_from([None, "", " \n", "<root/>", "<root><!-- nothing --></root>"]))
def test_an_override_that_says_nothing_changes_not_one_byte(
    base: str, override: str | None
) -> None:
    assert merged_xml(base, override) == base


@given(bases)
def test_merging_a_file_with_itself_loses_nothing(base: str) -> None:
    result = merged_xml(base, base)

    assert sorted(etree.fromstring(result.encode()).itertext("a", "b", "root")) == sorted(
        etree.fromstring(base.encode()).itertext("a", "b", "root")
    )


@pytest.mark.parametrize(
    ("base", "override", "result"),
    [
        # the first of id, name and key that an element has is its identity
        ('<s id="1" p="a"/><s id="2"/>', '<s id="1" p="b"/>', '<s id="1" p="b"/><s id="2"/>'),
        ('<s name="x">1</s><s>2</s>', '<s name="x">3</s>', '<s name="x">3</s><s>2</s>'),
        ('<add key="k" v="1"/>', '<add v="2" key="k"/>', '<add key="k" v="2"/>'),
        ('<s id="1" name="n"/>', '<s name="n" p="1"/>', '<s id="1" name="n"/><s name="n" p="1"/>'),
        ('<s id="1"/>', '<s id="2"/>', '<s id="1"/><s id="2"/>'),
        ('<s id="1"/><t/>', '<s id="2"/>', '<s id="1"/><s id="2"/><t/>'),
        ('<s id="a&amp;b"/>', '<s id="a&#38;b" p="1"/>', '<s id="a&amp;b" p="1"/>'),
        # an element that names itself never takes one that does not
        ("<s/>", '<s id="1"/>', '<s/><s id="1"/>'),
        # without identity: alone on both sides is the same
        ("<db><host>a</host></db>", "<db><port>1</port></db>",
         "<db><host>a</host><port>1</port></db>"),
        ('<s id="1"/>', '<s port="2"/>', '<s id="1" port="2"/>'),
        # without identity and not alone: theirs for ours
        ("<i>1</i><i>2</i><j/>", "<i>3</i>", "<i>3</i><j/>"),
        ("<i>1</i><j/>", "<i>2</i><i>3</i>", "<i>2</i><i>3</i><j/>"),
        ("<j/>", "<i>2</i><i>3</i>", "<j/><i>2</i><i>3</i>"),
        ('<i id="1"/><i/>', '<i id="1" p="1"/><i/>', '<i id="1" p="1"/><i/>'),
        # attributes and text of the override win
        ("<s a='1' b='2'>x</s>", '<s a="3">y</s>', "<s a=\"3\" b='2'>y</s>"),
        ("<s>x</s>", "<s a='1'/>", "<s a='1'>x</s>"),
        ("<s>x</s>", "<s><![CDATA[]]></s>", "<s><![CDATA[]]></s>"),
        ("<s><t/></s>", "<s>x</s>", "<s>x<t/></s>"),
        ("<p>one <b>two</b></p>", "<p>uno <b>due</b> tre</p>", "<p>uno <b>due</b> tre</p>"),
        # comments and instructions stay
        ("<s><!-- why -->x<?do it?></s>", "<s>y</s>", "<s><!-- why -->y<?do it?></s>"),
        ("<!-- about s --><s/><t/>", '<s hydra:remove="true"/>', "<!-- about s --><t/>"),
        # removal
        ('<s id="1"/><s id="2"/>', '<s id="1" hydra:remove="true"/>', '<s id="2"/>'),
        ("<s/><t/>", '<s hydra:remove="true"/>', "<t/>"),
        ("<s/><s/><t/>", '<s hydra:remove="true"/>', "<t/>"),
        ("<t/>", '<s id="9" hydra:remove="true"/>', "<t/>"),
        ("<s/>", '<s hydra:remove="false" a="1"/>', '<s a="1"/>'),
        ("<t/>", '<s><u hydra:remove="true"/><v/></s>', "<t/><s><v/></s>"),
        ("<s/><s/>", '<s>1</s><s hydra:remove="true"/>', "<s>1</s>"),
    ],
)  # fmt: skip
def test_elements_are_the_same_when_tag_and_identity_agree(
    base: str, override: str, result: str
) -> None:
    assert merged_xml(in_root(base), in_root(override)) == in_root(result)


def test_the_base_keeps_its_looks() -> None:
    base = (
        "<?xml version='1.0' encoding='UTF-8'?>\r\n"
        "<!-- The server -->\r\n"
        "<?pi one?>\r\n"
        "<config\r\n"
        "    debug = 'no'\r\n"
        "    level='1' >\r\n"
        '    <server id="a" />  <!-- first -->\r\n'
        "\r\n"
        "    <db>\r\n"
        "        <url>x &lt; y</url>\r\n"
        "    </db>\r\n"
        "    <none/>\r\n"
        "</config >\r\n"
        "<!-- end -->\r\n"
    )
    override = (
        '<config level="2" extra="&quot;"><server id="b"><port>1</port></server>'
        '<db><pool>\n<size min="1">5</size></pool></db><none>\n <x/></none></config>'
    )

    assert merged_xml(base, override) == (
        "<?xml version='1.0' encoding='UTF-8'?>\r\n"
        "<!-- The server -->\r\n"
        "<?pi one?>\r\n"
        "<config\r\n"
        "    debug = 'no'\r\n"
        '    level="2"\r\n'
        '    extra="&quot;" >\r\n'
        '    <server id="a" />  <!-- first -->\r\n'
        '    <server id="b"><port>1</port></server>\r\n'
        "\r\n"
        "    <db>\r\n"
        "        <url>x &lt; y</url>\r\n"
        "        <pool>\r\n"
        '            <size min="1">5</size></pool>\r\n'
        "    </db>\r\n"
        "    <none>\r\n"
        "        <x/>\r\n"
        "    </none>\r\n"
        "</config >\r\n"
        "<!-- end -->\r\n"
    )


def test_namespaces_are_what_they_mean_and_not_how_they_are_spelled() -> None:
    base = '<p:r xmlns:p="urn:one"><p:a p:x="1"/></p:r>'

    same = '<r xmlns="urn:one" xmlns:q="urn:one"><a q:x="2"/></r>'
    assert merged_xml(base, same) == '<p:r xmlns:p="urn:one"><p:a p:x="2"/></p:r>'

    other = '<p:r xmlns:p="urn:one"><a xmlns="urn:two" xmlns:z="urn:three" z:y="1"/></p:r>'
    assert merged_xml(base, other) == (
        '<p:r xmlns:p="urn:one"><p:a p:x="1"/>'
        '<a xmlns="urn:two" xmlns:z="urn:three" z:y="1"/></p:r>'
    )


def test_an_override_need_not_repeat_the_namespaces_of_the_base() -> None:
    base = '<r xmlns="urn:maven" xmlns:p="urn:p"><a>1</a></r>'

    assert merged_xml(base, '<r><a p:x="1">2</a><p:b/></r>') == (
        '<r xmlns="urn:maven" xmlns:p="urn:p"><a p:x="1">2</a><p:b/></r>'
    )


def test_a_namespace_of_the_override_comes_along_when_it_is_used() -> None:
    override = '<r xmlns:q="urn:q" xmlns:unused="urn:u"><a q:x="1"/><b><q:c/></b></r>'

    assert merged_xml("<r><a/></r>", override) == (
        '<r><a xmlns:q="urn:q" q:x="1"/><b xmlns:q="urn:q"><q:c/></b></r>'
    )


def test_hydra_may_be_declared_under_any_name() -> None:
    base = '<r><a id="1"/><b/></r>'

    for override in (
        '<r xmlns:hydra="urn:hydra"><a id="1" hydra:remove="true"/></r>',
        '<r xmlns:hydra="https://hydra.example/x"><a id="1" hydra:remove="true"/></r>',
        '<r xmlns:h="urn:hydra"><a id="1" h:remove="1"/></r>',
        '<r><a id="1" xmlns:h="urn:hydra" h:remove="true"/></r>',
        '<r><a id="1" hydra:remove="true"/></r>',
    ):
        assert merged_xml(base, override) == "<r><b/></r>"


def test_every_key_knows_where_it_comes_from() -> None:
    base = '<r>\n  <s id="1" port="2">x</s>\n  <t>1</t>\n  <t>2</t>\n  <u/>\n  <v/>\n</r>\n'
    override = '<r><s id="1" port="3"/><u hydra:remove="true"/><w>y</w></r>'

    merged = merge(FileType.XML, base, override)

    assert merged.text == (
        '<r>\n  <s id="1" port="3">x</s>\n  <t>1</t>\n  <t>2</t>\n  <v/>\n  <w>y</w>\n</r>\n'
    )
    assert merged.origins == (
        KeyOrigin("/r/s[@id='1']", Origin.BASE, 2),
        KeyOrigin("/r/s[@id='1']/@id", Origin.OVERRIDE, 2),
        KeyOrigin("/r/s[@id='1']/@port", Origin.OVERRIDE, 2),
        KeyOrigin("/r/t[1]", Origin.BASE, 3),
        KeyOrigin("/r/t[2]", Origin.BASE, 4),
        KeyOrigin("/r/v", Origin.BASE, 5),
        KeyOrigin("/r/w", Origin.OVERRIDE, 6),
        KeyOrigin("/r/u", Origin.REMOVED, None),
    )
    assert [number for number, line in enumerate(merged.lines, 1) if line is Origin.OVERRIDE] == [
        2,
        6,
    ]


BOMB = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{f'&{previous};' * 10}'>"
    for previous, name in zip("abcdefghi", "bcdefghij", strict=True)
) + "]><r>&j;</r>"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (BOMB, 1, 1, "A document type"),
        ('<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE r>\n<r/>', 3, 1, "A document type"),
        ('<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><r/>', 1, 1, "A document type"),
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', 1, 1, "entities"),
        ('<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><r/>', 1, 1, "entities"),
        ("<r>&x;</r>", 1, 7, "Entity 'x' not defined"),
        ("<r>&nbsp;</r>", 1, 10, "Entity 'nbsp' not defined"),
        ("<r>\n<b></r>", 2, 8, "Opening and ending tag mismatch"),
        ("", 1, 1, "Document is empty"),
        ("text", 1, 1, "Start tag expected"),
        ("<r/><s/>", 1, 5, "Extra content"),
        ('<r a="1" a="2"/>', 1, 15, "Attribute a redefined"),
        ("<r>\x01</r>", 1, 4, "invalid Char value 1"),
        ("<r>&#0;</r>", 1, 8, "invalid xmlChar value 0"),
        ("<r>\x00</r>", 1, 4, "NUL is not allowed"),
        ("<p:r/>", 1, 5, "prefix p"),
        ('<?xml version="1.0" encoding="utf-16"?><r/>', 1, 31, "declares utf-16"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><r>é</r>', 1, 31, "declares ISO-8859-1"),
        ("<r>" * 65 + "</r>" * 65, 1, 193, "more than 64 levels"),
        ("<r>" * 10_000 + "</r>" * 10_000, 1, 771, "Excessive depth"),
        ("<r>" + "<a/>" * 10_000 + "</r>", 1, 40_000, "10000 elements"),
        ("<!-- never closed", 1, 18, "Comment not terminated"),
        ('<r xmlns:h="urn:hydra"/>', 1, 4, "hydra: has a meaning only in overrides"),
        ('<r xmlns:hydra="urn:x" hydra:remove="true"/>', 1, 4, "only in overrides"),
    ],
)
def test_hostile_or_broken_xml_is_refused_with_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        parse_check(FileType.XML, text)

    assert (refusal.value.line, refusal.value.column) == (line, column)


@pytest.mark.parametrize(
    ("override", "line", "column", "message"),
    [
        ("<other/>", 1, 1, "The override's root is other, the base's is r"),
        ('<r hydra:remove="true"/>', 1, 1, "The root cannot be removed"),
        ('<r>\n  <a hydra:remove="maybe"/></r>', 2, 6, "hydra:remove is true or false"),
        ('<r><a hydra:replace="true"/></r>', 1, 7, "Only the attribute hydra:remove"),
        ("<r><hydra:remove/></r>", 1, 4, "Only the attribute hydra:remove"),
        ("<r><q:a/></r>", 1, 4, "The prefix q is not declared"),
        ('<r>\n<a id="1"/><a id="1" hydra:remove="1"/></r>', 2, 12, "both sets and removes"),
        ('<r xmlns:p="urn:two"><a p:y="1"/></r>', 1, 22, "means something else in the base"),
        ('<r hydra:x="1"><a></r>', 1, 23, "Opening and ending tag mismatch"),
        (BOMB, 1, 1, "A document type"),
    ],
)
def test_an_override_that_cannot_be_applied_is_refused_with_its_place(
    override: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        merged_xml('<r xmlns:p="urn:one"><a p:x="1"/></r>', override)

    assert (refusal.value.line, refusal.value.column) == (line, column)
    assert refusal.value.origin is Origin.OVERRIDE


def test_an_encoding_that_the_text_does_not_contradict_may_stay() -> None:
    for declared in ("UTF-8", "utf8", "US-ASCII", "ISO-8859-1"):
        parse_check(FileType.XML, f'<?xml version="1.0" encoding="{declared}"?><r>a</r>')
