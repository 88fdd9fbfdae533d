// How many of a batch's rows each thread gets: as many as it was faster than the others in the calls before.
//
// All threads wait for the last one after each layer, and processors are seldom equally fast: on a shared host a
// neighbour on the same core takes two fifths of its speed from one of them for a while, and phones have large and
// small ones. Half of what a call shows is believed, as it may have been disturbed.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace squeezebert {

// What a thread has done in a call.
struct Work {
  int rows;
  double seconds;
};

class Balance {
 public:
  // Of what a thread would get if all were equally fast. One that got no rows could never show that it is fast again.
  static constexpr double most = 1.5, least = 0.5;

  explicit Balance(int threads) : shares_(threads, 1.0 / threads) {}

  // Of each thread; their sum is 1.
  const std::vector<double>& shares() const { return shares_; }

  // `done` is of all threads. Nothing is learnt where one had nothing to do.
  void learn(const std::vector<Work>& done) {
    for (const Work& work : done) {
      if (work.rows == 0 || work.seconds <= 0.0) return;
    }
    double speeds = 0.0;
    for (const Work& work : done) speeds += work.rows / work.seconds;
    double sum = 0.0;
    for (std::size_t t = 0; t < shares_.size(); ++t) {
      shares_[t] = std::sqrt(shares_[t] * done[t].rows / done[t].seconds / speeds);
      sum += shares_[t];
    }
    const double equal = 1.0 / shares_.size();
    const auto [slowest, fastest] = std::minmax_element(shares_.begin(), shares_.end());
    const double above = *fastest / sum - equal, below = equal - *slowest / sum;
    double part = 1.0;
    if (above > (most - 1.0) * equal) part = (most - 1.0) * equal / above;
    if (part * below > (1.0 - least) * equal) part = (1.0 - least) * equal / below;
    for (double& share : shares_) share = equal + part * (share / sum - equal);
  }

 private:
  std::vector<double> shares_;
};

}  // namespace squeezebert
