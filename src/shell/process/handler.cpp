#include "shell/process/handler.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/text.hpp"

namespace ringhold::process {

namespace {

namespace asio = boost::asio;
using agent::HandlerOutcome;
using agent::HandlerResult;
using asio::use_awaitable;
using namespace asio::experimental::awaitable_operators;

constexpr std::size_t longest_answer = 256;

std::optional<std::uint32_t> status_of_line(std::string_view line) {
  return parse_number(trimmed(line.substr(0, line.find_first_of(" \r\n"))));
}

/// A file of its own that ends with its last descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_{number} {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

[[noreturn]] void fail(int error) { throw std::system_error{error, std::generic_category()}; }

/// The body as a file in memory: a command that does not read it cannot hold us up, as a pipe would.
int file_of(std::string_view body) {
  Descriptor file{memfd_create("content", MFD_CLOEXEC)};
  if (file.get() < 0) fail(errno);
  while (!body.empty()) {
    const ssize_t written = write(file.get(), body.data(), body.size());
    if (written <= 0) fail(errno);
    body.remove_prefix(static_cast<std::size_t>(written));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file.release();
}

/// Starts the command in a group of its own; throws what the system says when that fails.
pid_t start(const std::string& command, const Outbox::HandOut& content) {
  const Descriptor input{file_of(content.body)};
  std::vector<std::string> texts;
  for (const auto& [name, value] : content.values) texts.push_back(std::string{name} + "=" + value);
  std::vector<char*> environment;
  for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);
  for (std::string& text : texts) environment.push_back(text.data());
  environment.push_back(nullptr);
  std::string name = command;
  char* arguments[] = {name.data(), nullptr};

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  sigset_t to_default;
  sigset_t none;
  sigemptyset(&to_default);
  sigaddset(&to_default, SIGPIPE);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &to_default);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t process = -1;
  const int error = posix_spawn(&process, command.c_str(), &files, &attributes, arguments, environment.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) fail(error);
  return process;
}

/// A command that runs; at the end of its life it is over, with its children.
class Running {
 public:
  explicit Running(pid_t process) : process_{process} {}
  ~Running() { (void)end(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  /// Its exit code; 128 and more when it was ended.
  int end() {
    if (process_ < 0) return code_;
    kill(-process_, SIGKILL);
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {}
    process_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return code_;
  }

 private:
  pid_t process_;
  int code_ = 128;
};

asio::awaitable<HandlerOutcome> run_command(const HandlerSettings& settings, const Outbox::HandOut& content) {
  const pid_t process = start(settings.command, content);
  Running running{process};
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor ended{executor, static_cast<int>(syscall(SYS_pidfd_open, process, 0))};
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, use_awaitable);
  const int code = running.end();
  co_return HandlerOutcome{result_of_exit(code), "exit code " + Text{Decimal{static_cast<unsigned>(code)}.text()}};
}

asio::awaitable<HandlerOutcome> ask_socket(const HandlerSettings& settings, const Outbox::HandOut& content) {
  const auto executor = co_await asio::this_coro::executor;
  asio::local::stream_protocol::socket socket{executor};
  co_await socket.async_connect(asio::local::stream_protocol::endpoint{settings.socket}, use_awaitable);
  std::string text;
  for (const auto& [name, value] : content.values) text.append(name).append(": ").append(value).append("\n");
  text.append("Content-Length: ").append(std::to_string(content.body.size())).append("\n\n").append(content.body);
  co_await asio::async_write(socket, asio::buffer(text), use_awaitable);
  socket.shutdown(asio::local::stream_protocol::socket::shutdown_send);
  std::string answer;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(answer, longest_answer), '\n', use_awaitable);
  const auto status = status_of_line(answer);
  co_return HandlerOutcome{result_of_line(answer), status ? "answer " + Text{Decimal{*status}.text()} : Text{"answer without a status"}};
}

/// What goes wrong is an answer as well: beside a timer, an exception would wait for the timer.
asio::awaitable<HandlerOutcome> ask(const HandlerSettings& settings, const Outbox::HandOut& content) {
  try {
    if (settings.socket.empty()) co_return co_await run_command(settings, content);
    co_return co_await ask_socket(settings, content);
  } catch (const boost::system::system_error& error) {
    // Nobody listens there, or it hung up without a word.
    co_return HandlerOutcome{HandlerResult::failed, Text{error.code().message()}};
  } catch (const std::system_error& error) {
    co_return HandlerOutcome{HandlerResult::failed, Text{error.code().message()}};
  } catch (const std::exception& error) { co_return HandlerOutcome{HandlerResult::failed, Text{error.what()}}; }
}

asio::awaitable<void> time_out(Duration limit) {
  asio::steady_timer timer{co_await asio::this_coro::executor, limit};
  co_await timer.async_wait(use_awaitable);
}

}  // namespace

HandlerResult result_of_exit(int code) {
  switch (code) {
    case EX_OK: return HandlerResult::taken;
    case EX_DATAERR: return HandlerResult::unsupported;
    case EX_NOPERM: return HandlerResult::refused;
    case EX_TEMPFAIL: return HandlerResult::not_now;
    default: return HandlerResult::failed;
  }
}

HandlerResult result_of_line(std::string_view line) {
  const auto status = status_of_line(line);
  if (!status) return HandlerResult::failed;
  if (*status >= 200 && *status < 300) return HandlerResult::taken;
  if (*status == 415) return HandlerResult::unsupported;
  if (*status == 403) return HandlerResult::refused;
  return *status == 480 ? HandlerResult::not_now : HandlerResult::failed;
}

class Handler::Desk {
 public:
  Desk(const HandlerSettings& settings, Done done)
      : settings_{settings}, done_{std::move(done)}, work_{loop_.get_executor()}, thread_{[this] { loop_.run(); }} {}
  ~Desk() { stop(); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  void take(Outbox::HandOut content) { asio::co_spawn(loop_, serve(std::move(content)), asio::detached); }
  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  asio::awaitable<void> serve(Outbox::HandOut content) {
    const auto first = co_await (ask(settings_, content) || time_out(settings_.time_limit));
    done_(content.id, first.index() == 0 ? std::get<0>(first) : HandlerOutcome{HandlerResult::failed, "time limit"});
  }

  HandlerSettings settings_;
  Done done_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

Handler::Handler(const HandlerSettings& settings, Done done) : desk_{std::make_unique<Desk>(settings, std::move(done))} {}
Handler::~Handler() = default;
void Handler::take(Outbox::HandOut content) { desk_->take(std::move(content)); }
void Handler::stop() { desk_->stop(); }

}  // namespace ringhold::process
