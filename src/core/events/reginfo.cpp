#include "events/reginfo.hpp"

#include "sip/uri.hpp"

namespace ringhold::events {

namespace {

using location::BindingEvent;
using location::Happened;

void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out.append("&amp;"); break;
      case '<': out.append("&lt;"); break;
      case '>': out.append("&gt;"); break;
      case '"': out.append("&quot;"); break;
      default:
        // XML 1.0 has no other control characters, whatever a phone has sent.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') out.push_back(c);
    }
  }
}

std::string_view name(Happened happened) {
  switch (happened) {
    case Happened::registered: return "registered";
    case Happened::refreshed: return "refreshed";
    case Happened::unregistered: return "unregistered";
    case Happened::expired: return "expired";
    case Happened::deactivated: return "deactivated";
    case Happened::rejected: return "rejected";
  }
  return "";
}

bool is_active(Happened happened) { return happened == Happened::registered || happened == Happened::refreshed; }

void append_contact(std::string& out, const BindingEvent& event, Instant now) {
  const bool active = is_active(event.happened);
  out.append("    <contact id=\"c").append(Decimal{event.id.index}).append(".").append(Decimal{event.id.generation});
  out.append("\" state=\"").append(active ? "active" : "terminated").append("\" event=\"").append(name(event.happened));
  out.append("\" duration-registered=\"").append(Decimal{seconds_ceil(now - event.registered_at)});
  if (active) out.append("\" expires=\"").append(Decimal{seconds_ceil(event.expires_at - now)});
  if (event.q < 1000) out.append("\" q=\"0.").append(std::to_string(1000 + event.q).substr(1));
  out.append("\" callid=\"");
  append_text(out, event.call_id);
  out.append("\" cseq=\"").append(Decimal{event.cseq}).append("\">\n      <uri>");
  append_text(out, event.contact);
  out.append("</uri>\n");
  sip::Parameters{event.parameters}.for_each([&](std::string_view parameter, std::string_view value) {
    out.append("      <unknown-param name=\"");
    append_text(out, parameter);
    out.append("\">");
    append_text(out, value);
    out.append("</unknown-param>\n");
    return true;
  });
  out.append("    </contact>\n");
}

}  // namespace

void append_reginfo(std::string& out, const Reginfo& info, Instant now) {
  out.append("<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"").append(Decimal{info.version});
  out.append("\" state=\"").append(info.extent == Extent::full ? "full" : "partial").append("\">\n  <registration aor=\"");
  append_text(out, info.aor);
  out.append("\" id=\"r1\" state=\"").append(info.active ? "active" : info.version == 0 ? "init" : "terminated").append("\">\n");
  for (const BindingEvent& event : info.contacts) append_contact(out, event, now);
  out.append("  </registration>\n</reginfo>\n");
}

}  // namespace ringhold::events
