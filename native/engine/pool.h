// Threads that wait for work: first spinning, because the next piece comes within microseconds while a batch
// runs, then asleep, so that an idle engine costs nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace squeezebert {

class Pool {
 public:
  // The calling thread counts as one of them. Throws std::invalid_argument where the system starts no more.
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }

  // Calls f(item, thread) for every item in [0, items), each once, and returns when all are done. A thread
  // begins with the items that it got the last time, which may still be in its caches, and then helps the
  // others. One caller at a time. Where f throws, items that nobody has begun are left out, and the first
  // exception is thrown here.
  template <typename F>
  void for_each(int items, F&& f) {
    using Callable = std::remove_reference_t<F>;
    run(items, [](void* context, int item, int thread) { (*static_cast<Callable*>(context))(item, thread); }, &f);
  }

 private:
  using Function = void (*)(void* context, int item, int thread);

  void stop();
  void run(int items, Function function, void* context);
  void work(int thread);
  void take_items(int thread);
  void take_items_of(int owner, int thread);
  void leave_out_the_rest();
  std::uint32_t wait_for_work(std::uint32_t seen);

  const int threads_;
  std::vector<std::thread> workers_;

  Function function_ = nullptr;
  void* context_ = nullptr;
  // Each thread owns as many items, one after the other; the next one of each.
  struct alignas(64) Next {
    std::atomic<int> item{0};
    int end = 0;
  };
  std::vector<Next> next_;
  alignas(64) std::atomic<int> busy_{0};  // workers that have not finished the current round
  alignas(64) std::atomic<std::uint32_t> round_{0};
  std::atomic<int> asleep_{0};
  bool stop_ = false;
  std::exception_ptr error_;  // the first of a round
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace squeezebert
