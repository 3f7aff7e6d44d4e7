"""From the short words of rules/*.txt to SIPp's XML. README.md of that folder says how they are read."""

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from ringhold import DOMAIN

STEP = re.compile(r"(\w+) ([<>]) (\S+)(?: (.*))?$")
CHECK = re.compile(r"\?(!?) ([\w-]+)(?: (\d))? ~ (.*)$")
MAKES_DIALOG = {"INVITE", "SUBSCRIBE", "REFER", "UPDATE"}


@dataclass
class Step:
    """One message that an actor sends or expects, and the lines below it."""
    actor: str
    sends: bool
    what: str
    rest: str
    lines: list = field(default_factory=list)


@dataclass
class Scenario:
    name: str
    file: str
    steps: list = field(default_factory=list)
    binds: list = field(default_factory=list)  # [user, contacts, header lines]
    silent: list = field(default_factory=list)
    only: tuple = ()
    terminals: str = ""  # their transport, if it is not the caller's

    def actors(self):
        return list(dict.fromkeys(step.actor for step in self.steps if step.actor != "caller"))


def read(text, file):
    """The scenarios of one file, in order."""
    scenarios = []
    lines = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if not line.startswith(" "):
            scenarios.append(Scenario(words[0], file))
            continue
        one = scenarios[-1]
        if words[0] in ("|", "?", "?!"):
            lines.append(line.strip())
        elif words[0] == "bind":
            lines = []
            one.binds.append([words[1], words[2:], lines])
        elif words[0] in ("silent", "only"):
            setattr(one, words[0], words[1:])
        elif words[0] == "terminals":
            one.terminals = words[1]
        else:
            match = STEP.match(line.strip())
            if not match:
                raise ValueError(f"{file}: {one.name}: {line}")
            lines = []
            one.steps.append(Step(match[1], match[2] == ">", match[3], match[4] or "", lines))
    return scenarios


class Names:
    """What {…} stands for: a terminal's host and port, `box`, `domain`, or else a user whom no other scenario knows."""

    def __init__(self, index, known):
        self.index = index
        self.known = known

    def fill(self, text):
        return re.sub(r"\{([A-Za-z]\w*)\}", lambda match: str(self.known.get(match[1], f"{match[1]}-{self.index}")), text)


def bind_request(names, bind, transport, cseq):
    """A REGISTER by which terminals are bound before all scenarios of a group begin."""
    user, contacts, lines = bind
    values = []
    for contact in contacts:
        actor, _, parameters = contact.partition(";")
        values.append(f"<sip:{actor}@{names.known[actor]};transport={transport}>{parameters and ';' + parameters}")
    headers = Headers("REGISTER", f"sip:{DOMAIN}", [
        ("Via", f"SIP/2.0/{transport.upper()} [local_ip]:[local_port];branch=z9hG4bKb{cseq}x[pid]"), ("Max-Forwards", "70"),
        ("From", f"<sip:{{{user}}}@{DOMAIN}>;tag=b{cseq}"), ("To", f"<sip:{{{user}}}@{DOMAIN}>"), ("Call-ID", f"b{cseq}///[call_id]"),
        ("CSeq", "1 REGISTER"), ("Contact", ", ".join(values)), ("Content-Length", "0")])
    headers.change(lines)
    return send(names.fill(headers.text()), retrans=True) + '<recv response="200"/>\n'


class Headers:
    """A message to be sent: defaults, then changed by the `|` lines of the scenario."""

    def __init__(self, method, uri, values):
        self.line = f"{method} {uri} SIP/2.0" if uri else method
        self.values = values
        self.body = ""

    def change(self, lines):
        given = set()
        for line in lines:
            what = line[1:].strip()
            name, _, value = what.partition(":")
            if what.startswith("line "):
                self.line = what[5:]
            elif what.startswith("body "):
                self.body = what[5:]
                self.values = [(one, "[len]" if one == "Content-Length" else old) for one, old in self.values]
            elif what.startswith("-"):
                self.values = [one for one in self.values if one[0] != what[1:]]
            elif name in given or not any(one == name for one, _ in self.values):
                at = max((i + 1 for i, one in enumerate(self.values) if one[0] == name), default=len(self.values) - 1)
                self.values.insert(at, (name, value.strip()))
            else:
                self.values = [(one, value.strip() if one == name else old) for one, old in self.values]
            given.add(name)

    def text(self):
        # A name in brackets alone is SIPp's: the whole line of the message that came last.
        lines = [value if not name else f"{name}: {value}" for name, value in self.values]
        return "\n".join([self.line, *lines, "", self.body])


def send(text, retrans, transaction=""):
    attributes = (' retrans="500"' if retrans else "") + (f' start_txn="{transaction}"' if transaction else "")
    return f"<send{attributes}><![CDATA[\n\n{text}\n]]></send>\n"


def check(line):
    match = CHECK.match(line)
    if not match:
        raise ValueError(line)
    inverse, header, occurrence, pattern = match.groups()
    kind = "check_it_inverse" if inverse else "check_it"
    if header in ("line", "msg"):
        return f'<ereg regexp={quoteattr(("^" if header == "line" else "") + pattern)} search_in="msg" {kind}="true" assign_to="seen"/>'
    place = f'search_in="hdr" header={quoteattr(header + ":")} occurrence="{occurrence or 1}"'
    return f'<ereg regexp={quoteattr(pattern)} {place} {kind}="true" assign_to="seen"/>'


def document(name, body, variables):
    references = f'<Reference variables="{",".join(variables)}"/>' if variables else ""
    return (f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
            f'<scenario name="{name}">\n{body}{references}\n</scenario>\n')


class Caller:
    """The XML of who begins: transactions of his own, in a dialog when the request has no URI."""

    def __init__(self, names, transport):
        self.names = names
        self.transport = transport
        self.cseq = 0
        self.invite = None  # its URI, branch, CSeq and lines, for ACK and CANCEL
        self.method = ""
        self.transaction = ""
        self.xml = ""

    def step(self, step, next_step):
        if step.sends:
            # Else SIPp takes whatever stands behind the first "CSeq" of the answer for its method, be it in the reason phrase.
            answered = next_step and not next_step.sends and next_step.what[0].isdigit() and step.what not in ("INVITE", "ACK")
            self.transaction = f"t{len(self.xml)}" if answered else ""
            self.send(step)
        else:
            self.receive(step)

    def send(self, step):
        method, uri = step.what, step.rest
        if method[0].isdigit():
            self.respond(f"{method} {step.rest or 'As the scenario says'}", step.lines)
            return
        in_dialog = not uri and method != "CANCEL"
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
            self.method = method
        number = self.invite["cseq"] if method in ("ACK", "CANCEL") and self.invite else self.cseq
        branch = f"z9hG4bK{len(self.xml)}x[pid]x[call_number]"
        headers = self.request(method, uri, number, branch, in_dialog)
        if method == "CANCEL" and self.invite:
            headers = self.request(method, self.invite["uri"], number, self.invite["branch"], False)
        headers.change(step.lines)
        if method == "INVITE" and not in_dialog:
            via = dict(headers.values).get("Via", "")
            own = re.search(r"branch=([^;]+)", via)
            self.invite = {"uri": headers.line.split()[1], "branch": own[1] if own else branch, "cseq": number,
                           "to": dict(headers.values).get("To", ""), "route": dict(headers.values).get("Route", "")}
        self.xml += send(self.names.fill(headers.text()), self.transport == "udp" and method != "ACK", self.transaction)

    def request(self, method, uri, number, branch, in_dialog):
        user = f"sip:{{caller}}@{DOMAIN}"
        to = f"<{uri}>"
        if method == "REGISTER":
            user, to, uri = f"sip:{{{uri}}}@{DOMAIN}", f"<sip:{{{uri}}}@{DOMAIN}>", f"sip:{DOMAIN}"
        elif in_dialog or (method == "CANCEL" and self.invite):
            to = self.invite["to"] if self.invite else ""
        via = f"SIP/2.0/{self.transport.upper()} [local_ip]:[local_port];branch={branch}"
        values = [("Via", via), ("Max-Forwards", "70")]
        if in_dialog:
            values.append(("", "[routes]"))
        values += [("From", f"<{user}>;tag=c[call_number]"), ("To", to + ("[peer_tag_param]" if in_dialog else "")),
                   ("Call-ID", "[call_id]"), ("CSeq", f"{number} {method}")]
        if method in MAKES_DIALOG:
            values.append(("Contact", f"<sip:{{caller}}@[local_ip]:[local_port];transport={self.transport}>"))
        return Headers(method, "[next_url]" if in_dialog else uri, values + [("Content-Length", "0")])

    def receive(self, step):
        if not step.what[0].isdigit():
            self.xml += f'<recv request="{step.what}"><action>{self.checks(step)}</action></recv>\n'
            return
        status, _, other = step.what.rstrip("?").partition("|")
        optional = ' optional="true"' if step.what.endswith("?") or other else ""
        if self.method == "INVITE" and status != "100":
            self.xml += '<recv response="100" optional="true"/>\n'
        # SIPp keeps the first route set that it is told to keep.
        rrs = ' rrs="true"' if "200" <= status < "300" else ""
        after = ' next="1"' if other else ""
        whose = f' response_txn="{self.transaction}"' if self.transaction and status >= "200" else ""
        if whose and not optional:
            self.transaction = ""
        self.xml += f'<recv response="{status}"{optional}{rrs}{after}{whose}><action>{self.checks(step)}</action></recv>\n'
        if other:
            self.xml += f'<recv response="{other}"{whose}><action>{self.checks(step)}</action></recv>\n<label id="1"/>\n'
        if self.method == "INVITE" and status >= "300":
            ack = self.request("ACK", self.invite["uri"], self.invite["cseq"], self.invite["branch"], False)
            route = self.invite["route"]
            ack.change([f"| To: {self.invite['to']}[peer_tag_param]"] + ([f"| Route: {route}"] if route else []))
            self.xml += send(self.names.fill(ack.text()), False)

    def respond(self, line, lines):
        """To the request that came last."""
        values = [("", "[last_Via:]"), ("", "[last_Record-Route:]"), ("", "[last_From:]"), ("", "[last_To:]"), ("", "[last_Call-ID:]"),
                  ("", "[last_CSeq:]")]
        headers = Headers("SIP/2.0 " + line, "", values + [("Content-Length", "0")])
        headers.change(lines)
        self.xml += send(self.names.fill(headers.text()), False)

    def checks(self, step):
        return "".join(check(self.names.fill(line)) for line in step.lines if line.startswith("?"))

    def document(self, name):
        return document(name, self.xml, ["seen"] if 'assign_to="seen"' in self.xml else [])


class Terminal(Caller):
    """The XML of who is called. The ACK after a refusal, and what a CANCEL wants, come by themselves."""

    CAPTURED = {"via1": ("Via", 1, ".*"), "via2": ("Via", 2, ".*"), "number": ("CSeq", 1, "[0-9]+"),
                "from": ("From", 1, ".*"), "to": ("To", 1, ".*")}

    def __init__(self, names, transport, actor):
        super().__init__(names, transport)
        self.actor = actor
        self.tag = f"{actor}x[pid]"
        self.tagged = False

    def receive(self, step):
        if step.what[0].isdigit():
            return super().receive(step)
        self.method = step.what
        first = "assign_to=" not in self.xml
        capture = "".join(f'<ereg regexp="{pattern}" search_in="hdr" header="{header}:" occurrence="{at}" assign_to="{name}"/>'
                          for name, (header, at, pattern) in self.CAPTURED.items()) if first else ""
        self.xml += f'<recv request="{step.what}" rrs="true"><action>{capture}{self.checks(step)}</action></recv>\n'
        if step.what == "CANCEL":
            self.respond("200 OK", [])
            values = [("", "Via:[$via1]"), ("", "Via:[$via2]"), ("", "[last_From:]"), ("", f"To:[$to];tag={self.tag}"),
                      ("", "[last_Call-ID:]"), ("CSeq", "[$number] INVITE"), ("Content-Length", "0")]
            refusal = Headers("SIP/2.0 487 Request Terminated", "", values).text()
            self.xml += send(self.names.fill(refusal), self.transport == "udp")
            self.xml += '<recv request="ACK"/>\n'

    def send(self, step):
        if step.what[0].isdigit():
            return self.respond(f"{step.what} {step.rest or 'As the scenario says'}", step.lines)
        if step.rest:
            self.onward(step)
            return None
        self.cseq += 1
        headers = Headers(step.what, "[next_url]", [
            ("Via", f"SIP/2.0/{self.transport.upper()} [local_ip]:[local_port];branch=z9hG4bK{len(self.xml)}x[pid]"),
            ("Max-Forwards", "70"), ("", "[routes]"), ("", f"From:[$to];tag={self.tag}"), ("", "To:[$from]"), ("", "[last_Call-ID:]"),
            ("CSeq", f"{self.cseq} {step.what}"), ("Content-Length", "0")])
        headers.change(step.lines)
        self.method = step.what
        self.xml += send(self.names.fill(headers.text()), self.transport == "udp", self.transaction)
        return None

    def onward(self, step):
        """The request that came, sent on as a proxy does."""
        headers = Headers(step.what, step.rest, [
            ("Via", f"SIP/2.0/{self.transport.upper()} [local_ip]:[local_port];branch=z9hG4bK{len(self.xml)}x[pid]"), ("", "[last_Via:]"),
            ("Max-Forwards", "60"), ("", "[last_From:]"), ("", "[last_To:]"), ("", "[last_Call-ID:]"), ("", "[last_CSeq:]"),
            ("Content-Length", "0")])
        headers.change(step.lines)
        self.xml += send(self.names.fill(headers.text()), self.transport == "udp", self.transaction)

    def respond(self, line, lines):
        to = "[last_To:]" if self.tagged or self.method == "CANCEL" else f"[last_To:];tag={self.tag}"
        values = [("", "[last_Via:]"), ("", "[last_Record-Route:]"), ("", "[last_From:]"), ("", to), ("", "[last_Call-ID:]"),
                  ("", "[last_CSeq:]")]
        if self.method in MAKES_DIALOG:
            values.append(("Contact", f"<sip:{self.actor}@[local_ip]:[local_port];transport={self.transport}>"))
        headers = Headers("SIP/2.0 " + line, "", values + [("Content-Length", "0")])
        headers.change(lines)
        invite = self.method == "INVITE"
        self.xml += send(self.names.fill(headers.text()), self.transport == "udp" and invite and line >= "200")
        if invite and line >= "300":
            self.xml += '<recv request="ACK"/>\n'
        elif invite and line >= "200":
            self.tagged = True

    def document(self, name):
        captured = list(self.CAPTURED) if 'assign_to="via1"' in self.xml else []
        return document(name, self.xml, captured + (["seen"] if 'assign_to="seen"' in self.xml else []))


def documents(scenario, names, transport):
    """actor → XML."""
    terminals = scenario.terminals or ("tcp" if transport == "tls" else transport)
    players = {"caller": Caller(names, transport), **{actor: Terminal(names, terminals, actor) for actor in scenario.actors()}}
    for actor, player in players.items():
        steps = [step for step in scenario.steps if step.actor == actor]
        for step, next_step in zip(steps, [*steps[1:], None]):
            player.step(step, next_step)
    return {actor: player.document(f"{scenario.name} {actor}") for actor, player in players.items() if player.xml}
