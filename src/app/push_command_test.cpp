#include "app/push_command.hpp"

#include <gtest/gtest.h>

#include "app/push_report.hpp"

namespace ringhold::app {

TEST(PushCommand, knows_common_files_by_their_ending) {
  for (const auto& [file, type] :
       {std::pair{"a.txt", "text/plain;charset=UTF-8"}, std::pair{"dir.d/menu.PDF", "application/pdf"}, std::pair{"card.vcf", "text/vcard"},
        std::pair{"x.jpeg", "image/jpeg"}, std::pair{"x.json", "application/json"}, std::pair{"-", "application/octet-stream"},
        std::pair{"x.tar.gz", "application/octet-stream"}})
    EXPECT_EQ(content_type_of(file), type) << file;
}

TEST(PushCommand, tells_of_a_push_step_by_step_P7) {
  testing::internal::CaptureStdout();
  print_push(boost::json::parse(R"({"id": "7", "from": "sip:push@e.test", "to": "sip:8002@e.test", "accepted": "A", "method": "MESSAGE",
      "size": 5, "content_type": "text/plain", "ended": null, "expires": "X", "result": "stored", "reason": "unreachable",
      "steps": [{"target": "sip:t0@h", "via": "registered", "hop": 0, "status": 302, "after_ms": 0, "until_ms": 20, "why": "answered"},
                {"target": "sip:other@h", "via": "redirect", "hop": 1, "status": 0, "after_ms": 20, "until_ms": null, "why": "timeout"}]})")
                 .as_object());
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "7  sip:push@e.test -> sip:8002@e.test\n"
            "  A  accepted: MESSAGE of 5 bytes, text/plain\n"
            "        0.00 s to   0.02 s  sip:t0@h     registered            302  answered\n"
            "        0.02 s to        -  sip:other@h  redirected to, hop 1    -  no answer in its time\n"
            "  now  stored: nobody is registered, or nobody answers; delivered when he registers, until X\n");
}

TEST(PushCommand, says_where_a_terminal_redirects_to_P5) {
  const auto target = [](const char* contacts) { return redirect_target(boost::json::object{{"contacts", boost::json::parse(contacts)}}); };
  EXPECT_EQ(target("[]"), "any other of his terminals");
  EXPECT_EQ(target(R"([{"uri": "sip:a@h", "q": 0.3, "until": null}, {"uri": "sip:b@h", "q": 1.0, "until": "U"}])"),
            "sip:a@h (q 0.3), sip:b@h (q 1, until U)");
}

}  // namespace ringhold::app
