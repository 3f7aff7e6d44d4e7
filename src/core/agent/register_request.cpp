#include "agent/register_request.hpp"

#include "sip/uri.hpp"

namespace ringhold::agent {

namespace {
constexpr std::string_view allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, INFO, UPDATE, PRACK, REFER";
}  // namespace

Text registrar_uri(const Account& account) { return (account.settings.aor.starts_with("sips:") ? "sips:" : "sip:") + account.host; }

Text contact_uri(const Account& account, const Target& server, const Endpoint& own) {
  Text uri = account.settings.aor.starts_with("sips:") ? "sips:" : "sip:";
  uri.append(account.user).append("@").append(own.text());
  if (server.transport != Transport::udp) uri.append(";transport=").append(uri_name(server.transport));
  return uri;
}

void append_register(std::string& out, const RegisterRequest& request) {
  const Account& account = request.account;
  const Decimal seconds{request.expires};
  out.append("REGISTER ").append(registrar_uri(account)).append(" SIP/2.0\r\nVia: SIP/2.0/").append(via_name(request.server.transport));
  out.append(" ").append(request.own.text()).append(";branch=").append(request.branch).append(";rport\r\nMax-Forwards: 70\r\n");
  out.append("From: <").append(account.settings.aor).append(">;tag=").append(account.from_tag).append("\r\n");
  out.append("To: <").append(account.settings.aor).append(">\r\n");
  out.append("Call-ID: ").append(account.call_id).append("\r\n");
  out.append("CSeq: ").append(Decimal{account.cseq}).append(" REGISTER\r\n");
  out.append("Contact: <").append(contact_uri(account, request.server, request.own)).append(">;+sip.instance=\"");
  out.append(account.instance).append("\"");
  if (!account.settings.type.empty()) out.append(";terminal-type=").append(account.settings.type);
  if (request.expires == 0) out.append(";expires=0");
  out.append("\r\nExpires: ").append(seconds).append("\r\n");
  if (!account.is_plain) out.append("Supported: path\r\n");
  out.append("Allow: ").append(allow).append("\r\nUser-Agent: Ringhold agent\r\n");
  out.append(request.credentials).append("Content-Length: 0\r\n\r\n");
}

}  // namespace ringhold::agent
