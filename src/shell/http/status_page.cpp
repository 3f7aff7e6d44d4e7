#include "shell/http/api.hpp"

namespace ringhold::http {

std::string_view status_page() {
  return R"html(<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Ringhold</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
#mode{font-size:2rem;font-weight:600;padding:.2rem .8rem;border-radius:.4rem;display:inline-block}
.normal{background:#dff3e0}.suspect{background:#fff4cf}.survivable{background:#ffd9d4}.recovering{background:#dcebff}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}
th{font-weight:600}caption{text-align:left;font-weight:600;font-size:1.1rem;padding:.3rem 0}
</style>
<p><span id="mode">…</span> <span id="since"></span></p><p id="evidence"></p>
<table id="central"></table><table id="registrations"></table><table id="calls"></table><p id="version"></p>
<script>
const table=(id,title,columns,rows)=>{const t=document.getElementById(id);t.replaceChildren();
 const c=t.createCaption();c.textContent=title+" ("+rows.length+")";const h=t.insertRow();
 for(const k of columns){const e=document.createElement("th");e.textContent=k;h.append(e)}
 for(const r of rows){const l=t.insertRow();for(const k of columns)l.insertCell().textContent=r[k]??""}};
const get=async p=>(await fetch(p)).json();
const show=async()=>{try{const s=await get("/api/v1/status");const m=document.getElementById("mode");
 m.textContent=s.mode+(s.pinned?" (pinned)":"");m.className=s.mode;
 document.getElementById("since").textContent="since "+s.since+", cause "+s.cause+", store "+s.store.state+(s.store.reason?": "+s.store.reason:"");
 document.getElementById("evidence").textContent=s.evidence;document.getElementById("version").textContent="Ringhold "+s.version;
 table("central","Central servers",["target","name","health","rtt_ms"],s.central);
 table("registrations","Phones registered here",["aor","contact","expires_in","source","user_agent"],await get("/api/v1/registrations"));
 table("calls","Calls",["caller","callee","state","since"],await get("/api/v1/calls"));
 }catch(e){document.getElementById("mode").textContent="not reachable"}setTimeout(show,2000)};show();
</script></html>
)html";
}

}  // namespace ringhold::http
