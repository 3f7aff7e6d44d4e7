// A phone that does what the test orders: it registers over wss:, calls, answers, hangs up, and reports each step.
import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "/node_modules/sip.js/lib/index.js";

const settings = await (await fetch("/settings")).json();
const report = (what, detail = "") => fetch("/report", { method: "POST", body: JSON.stringify({ what, detail: String(detail) }) });
window.addEventListener("unhandledrejection", (event) => report("failed", event.reason));

let session;

function watch(other) {
  session = other;
  session.stateChange.addListener((state) => {
    report(state === SessionState.Established ? "established" : state === SessionState.Terminated ? "ended" : "changed", state);
    if (state !== SessionState.Established) return;
    const connection = session.sessionDescriptionHandler.peerConnection;
    const ear = document.getElementById("ear");
    ear.srcObject = new MediaStream(connection.getReceivers().map((receiver) => receiver.track));
    const look = setInterval(async () => {
      for (const one of (await connection.getStats()).values())
        if (one.type === "inbound-rtp" && one.packetsReceived > 50) {
          clearInterval(look);
          report("heard", one.packetsReceived);
        }
    }, 200);
  });
}

const agent = new UserAgent({
  uri: UserAgent.makeURI(`sip:${settings.user}@${settings.domain}`),
  transportOptions: { server: settings.server },
  logLevel: "warn",
  sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 500, peerConnectionConfiguration: { iceServers: [] } },
  delegate: {
    onInvite(invitation) {
      report("incoming", invitation.remoteIdentity.uri);
      watch(invitation);
      invitation.accept();
    },
  },
});

await agent.start();
report("connected");
const registerer = new Registerer(agent, { expires: 60 });
registerer.stateChange.addListener((state) => report(state === RegistererState.Registered ? "registered" : "unregistered"));
await registerer.register();

const orders = {
  async call(user) {
    const target = UserAgent.makeURI(`sip:${user}@${settings.domain}`);
    watch(new Inviter(agent, target));
    await session.invite({ requestDelegate: { onReject: (response) => report("rejected", response.message.statusCode) } });
  },
  hang_up: () => session.bye(),
};

for (;;) {
  const { order, argument } = await (await fetch("/order")).json();
  if (order) await orders[order](argument);
}
