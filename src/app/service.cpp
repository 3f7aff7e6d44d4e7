#include "app/service.hpp"

#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>

namespace ringhold::app {

namespace {

/// Calls `what` again and again; ends with its io_context.
class Pulse {
 public:
  Pulse(boost::asio::io_context& context, std::chrono::nanoseconds pace, std::function<void()> what)
      : timer_{context}, pace_{pace}, what_{std::move(what)} {
    next();
  }

 private:
  void next() {
    timer_.expires_after(pace_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      what_();
      next();
    });
  }
  boost::asio::steady_timer timer_;
  std::chrono::nanoseconds pace_;
  std::function<void()> what_;
};

}  // namespace

void run(const Service& service) {
  boost::asio::io_context context{1};
  boost::asio::signal_set signals{context, SIGTERM, SIGINT, SIGHUP};
  std::function<void()> next_signal = [&] {
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal != SIGHUP) return context.stop();
      if (service.reload) {
        sd_notify(0, "RELOADING=1");
        service.reload();
        sd_notify(0, "READY=1");
      }
      next_signal();
    });
  };
  next_signal();
  std::optional<Pulse> watchdog;
  if (std::uint64_t microseconds = 0; sd_watchdog_enabled(0, &microseconds) > 0)
    watchdog.emplace(context, std::chrono::microseconds{microseconds / 3}, [&] {
      if (service.is_alive()) sd_notify(0, "WATCHDOG=1");
    });
  std::optional<Pulse> looks;
  if (service.look_around) looks.emplace(context, service.pace, service.look_around);
  sd_notify(0, "READY=1");
  context.run();
  sd_notify(0, "STOPPING=1");
}

}  // namespace ringhold::app
