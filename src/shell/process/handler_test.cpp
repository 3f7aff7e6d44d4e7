#include "shell/process/handler.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace ringhold::process {
namespace {

using agent::HandlerResult;

class Handling : public ::testing::Test {
 protected:
  Handling() { std::filesystem::create_directories(folder_); }
  ~Handling() override { std::filesystem::remove_all(folder_); }

  std::string script(const std::string& lines) const {
    const std::string path = folder_ + "/on-push";
    std::ofstream{path} << "#!/bin/sh\n" << lines;
    chmod(path.c_str(), 0755);
    return path;
  }
  static HandlerResult hand(const HandlerSettings& settings, const std::string& body = "hello\n") { return outcome(settings, body).result; }
  static std::string why(const HandlerSettings& settings) { return std::string{outcome(settings, "hello\n").why}; }
  static agent::HandlerOutcome outcome(const HandlerSettings& settings, const std::string& body) {
    std::promise<agent::HandlerOutcome> told;
    Handler handler{settings, [&](std::uint64_t id, const agent::HandlerOutcome& outcome) {
                      EXPECT_EQ(id, 7U);
                      told.set_value(outcome);
                    }};
    handler.take({.id = 7, .values = {{"SIP_FROM", "sip:bob@example.test"}, {"SIP_CONTENT_TYPE", "text/plain; $(touch x)"}}, .body = body});
    auto result = told.get_future();
    if (result.wait_for(std::chrono::seconds{20}) != std::future_status::ready)
      return ADD_FAILURE() << "nothing was told", agent::HandlerOutcome{};
    return result.get();
  }
  std::string read(const std::string& name) const {
    std::ifstream file{folder_ + "/" + name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  std::string folder_ = ::testing::TempDir() + "ringhold_handler." + std::to_string(getpid());
};

TEST_F(Handling, a_command_gets_headers_and_body_without_a_shell_T15) {
  const std::string path = script("cd " + folder_ + "\ncat > body\nprintf '%s|%s|%s' \"$SIP_FROM\" \"$SIP_CONTENT_TYPE\" \"$#\" > words\n");
  EXPECT_EQ(hand({.command = path}, std::string(200'000, 'x')), HandlerResult::taken);
  EXPECT_EQ(read("body").size(), 200'000U);
  EXPECT_EQ(read("words"), "sip:bob@example.test|text/plain; $(touch x)|0");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/x"));
}

TEST_F(Handling, a_command_that_does_not_read_is_no_trouble_T15) {
  EXPECT_EQ(hand({.command = script("exit 0\n")}, std::string(5'000'000, 'x')), HandlerResult::taken);
}

TEST_F(Handling, its_exit_code_says_what_it_made_of_it_T15) {
  EXPECT_EQ(hand({.command = script("exit 65\n")}), HandlerResult::unsupported);
  EXPECT_EQ(hand({.command = script("exit 77\n")}), HandlerResult::refused);
  EXPECT_EQ(hand({.command = script("exit 75\n")}), HandlerResult::not_now);
  EXPECT_EQ(hand({.command = script("exit 1\n")}), HandlerResult::failed);
  EXPECT_EQ(hand({.command = folder_ + "/missing"}), HandlerResult::failed);
}

TEST_F(Handling, one_that_is_too_slow_is_ended_with_its_children_T15) {
  const std::string path = script("sleep 600 & echo $! > " + folder_ + "/child\nwait\n");
  EXPECT_EQ(hand({.command = path, .time_limit = 500ms}), HandlerResult::failed);
  const int child = std::stoi(read("child"));
  for (int i = 0; i < 200 && kill(child, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  EXPECT_NE(kill(child, 0), 0);
}

TEST_F(Handling, a_program_behind_a_socket_answers_with_a_status_T15) {
  const std::string path = folder_ + "/socket";
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  std::string heard;
  std::thread program{[&] {
    const int peer = accept(listener, nullptr, nullptr);
    char buffer[4096];
    for (ssize_t size = 1; size > 0;) {
      size = ::read(peer, buffer, sizeof buffer);
      if (size > 0) heard.append(buffer, static_cast<std::size_t>(size));
    }
    EXPECT_EQ(write(peer, "415 no\n", 7), 7);
    close(peer);
  }};
  EXPECT_EQ(hand({.socket = path}), HandlerResult::unsupported);
  program.join();
  close(listener);
  EXPECT_EQ(heard, "SIP_FROM: sip:bob@example.test\nSIP_CONTENT_TYPE: text/plain; $(touch x)\nContent-Length: 6\n\nhello\n");
}

TEST_F(Handling, nobody_at_the_socket_is_known_at_once_T15) {
  EXPECT_EQ(hand({.socket = folder_ + "/nobody", .time_limit = 60s}), HandlerResult::failed);
}

TEST_F(Handling, why_it_was_not_taken_is_said_for_the_log_T15) {
  EXPECT_EQ(why({.command = folder_ + "/missing"}), "No such file or directory");
  std::ofstream{folder_ + "/plain"} << "#!/bin/sh\n";
  EXPECT_EQ(why({.command = folder_ + "/plain"}), "Permission denied");
  std::ofstream{folder_ + "/garbage"} << "garbage";
  chmod((folder_ + "/garbage").c_str(), 0755);
  EXPECT_EQ(why({.command = folder_ + "/garbage"}), "Exec format error");
  EXPECT_EQ(why({.command = script("exit 75\n")}), "exit code 75");
  EXPECT_EQ(why({.command = script("sleep 600\n"), .time_limit = 300ms}), "time limit");
  EXPECT_EQ(why({.socket = folder_ + "/nobody"}), "No such file or directory");
}

TEST(HandlerAnswers, are_read_as_numbers) {
  EXPECT_EQ(result_of_line("200\n"), HandlerResult::taken);
  EXPECT_EQ(result_of_line("202 OK\r\n"), HandlerResult::taken);
  EXPECT_EQ(result_of_line("403\n"), HandlerResult::refused);
  EXPECT_EQ(result_of_line("480\n"), HandlerResult::not_now);
  EXPECT_EQ(result_of_line("OK\n"), HandlerResult::failed);
  EXPECT_EQ(result_of_line(""), HandlerResult::failed);
}

}  // namespace
}  // namespace ringhold::process
