#include <atomic>
#include <chrono>
#include <new>

#include "engine/pool.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// What an item throws, such as that there is no memory, comes to the caller when nobody works any more.
void test_exception(Pool& pool, int items, int wrong) {
  std::atomic<int> begun{0}, ended{0};
  bool thrown = false;
  try {
    pool.for_each(items, [&](int item, int) {
      ++begun;
      if (item >= wrong) throw std::bad_alloc();
      ++ended;
    });
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  require(thrown == (wrong < items), "an exception that did not arrive, or came from nowhere");
  require(ended <= wrong && begun >= ended, "items that began after the round");
  require(thrown || ended == items, "items that were left out");
}

}  // namespace

// Each item of each round is called once, by a thread of the pool, and all are done when a round returns.
void test_pool(Random& random, const Kernels&) {
#if defined(__EMSCRIPTEN__)
  Pool pool(1);
#else
  Pool pool(random.between(1, 5));
#endif
  const int rounds = random.size(1, 200);
  for (int round = 0; round < rounds; ++round) {
    // Long enough for the workers to fall asleep.
    if (random.one_in(50)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::vector<int> calls(random.between(0, 20), 0), threads(calls.size(), -1);
    pool.for_each(static_cast<int>(calls.size()), [&](int item, int thread) {
      ++calls[item];
      threads[item] = thread;
    });
    for (std::size_t item = 0; item < calls.size(); ++item) {
      require(calls[item] == 1, describe("item was called, times", static_cast<int>(item), calls[item]));
      require(threads[item] >= 0 && threads[item] < pool.threads(), "a thread that is none of the pool");
    }
    if (random.one_in(10)) test_exception(pool, random.between(1, 20), random.between(0, 19));
  }
}

}  // namespace squeezebert::selftest
