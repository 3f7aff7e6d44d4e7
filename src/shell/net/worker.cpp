#include "shell/net/worker.hpp"

#include "shell/net/loop.hpp"

namespace ringhold::net {

Worker::Worker(const Listening& listening, Mind& mind, Sink& sink, Random& random, const RunningClock& clock, const Post& post)
    : loop_{std::make_unique<Loop>(listening, mind, sink, random, clock, post)} {}
Worker::~Worker() { stop(); }

const Listening& Worker::listening() const { return loop_->listening(); }
void Worker::start() { loop_->start(); }
void Worker::stop() { loop_->stop(); }
void Worker::renew(TlsContext context) { loop_->renew(std::move(context)); }
void Worker::run(Step step) { loop_->run(std::move(step)); }

}  // namespace ringhold::net
