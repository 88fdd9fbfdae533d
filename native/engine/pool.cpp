#include "pool.h"

#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace squeezebert {

namespace {

// About a third of a millisecond: longer than the gap between two calls in a loop, shorter than anybody would
// notice. Waking a sleeping thread takes up to half a millisecond on a virtual machine.
constexpr int spins = 16000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Pool::Pool(int threads) : threads_(threads), next_(threads) {
  try {
    for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error& error) {
    stop();
    throw std::invalid_argument("the system does not start " + std::to_string(threads) + " threads (" +
                                error.code().message() + "); ask for fewer");
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    round_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pool::run(int items, Function function, void* context) {
  if (workers_.empty() || items < 2) {
    for (int item = 0; item < items; ++item) function(context, item, 0);
    return;
  }
  function_ = function;
  context_ = context;
  const auto first_of = [&](int thread) { return static_cast<int>(static_cast<long long>(items) * thread / threads_); };
  for (int thread = 0; thread < threads_; ++thread) {
    next_[thread].item.store(first_of(thread), std::memory_order_relaxed);
    next_[thread].end = first_of(thread + 1);
  }
  busy_.store(threads_ - 1, std::memory_order_relaxed);
  // Sequentially consistent, as is the sleeper's count: either it sees the new round or we see it asleep.
  round_.fetch_add(1);
  if (asleep_.load() > 0) {
    { const std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  take_items(0);
  for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; ++spin) {
    // A worker that the system has taken off its processor needs ours more than we do.
    spin < 10 * spins ? pause() : std::this_thread::yield();
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Pool::take_items(int thread) {
  try {
    for (int i = 0; i < threads_; ++i) take_items_of((thread + i) % threads_, thread);
  } catch (...) {
    leave_out_the_rest();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void Pool::leave_out_the_rest() {
  for (Next& next : next_) next.item.store(next.end, std::memory_order_relaxed);
}

void Pool::take_items_of(int owner, int thread) {
  Next& next = next_[owner];
  for (int item; (item = next.item.fetch_add(1, std::memory_order_relaxed)) < next.end;) {
    function_(context_, item, thread);
  }
}

std::uint32_t Pool::wait_for_work(std::uint32_t seen) {
  for (int spin = 0; spin < spins; ++spin) {
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    if (round != seen) return round;
    pause();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  asleep_.fetch_add(1);
  wake_.wait(lock, [&] { return round_.load() != seen; });
  asleep_.fetch_sub(1);
  return round_.load();
}

void Pool::work(int thread) {
  std::uint32_t seen = 0;
  while (true) {
    seen = wait_for_work(seen);
    if (stop_) return;
    take_items(thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace squeezebert
