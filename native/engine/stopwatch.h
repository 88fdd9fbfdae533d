// Where the time of a run goes.
#pragma once

#include <array>
#include <chrono>
#include <numeric>

namespace squeezebert {

// `linear` includes the quantisation of what goes into the layers.
enum class Stage { linear, attention, elementwise };
constexpr int stage_count = 3;

// Seconds that one thread spends in each stage. Reading the clock costs some 20 ns, a stage takes microseconds.
class Stopwatch {
 public:
  void restart() { last_ = Clock::now(); }
  // Counts the time since the last call for `stage`.
  void lap(Stage stage) {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<int>(stage)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  void reset() { seconds_ = {}; }
  double seconds(int stage) const { return seconds_[stage]; }
  double total() const { return std::accumulate(seconds_.begin(), seconds_.end(), 0.0); }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_;
  std::array<double, stage_count> seconds_{};
};

}  // namespace squeezebert
