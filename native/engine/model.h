// A model ready to run: encoder, head and threads.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "heads.h"

namespace squeezebert {

// What is computed from the last hidden state.
enum class Head {
  none,        // the last hidden state itself, and the pooled first token where there is a pooler
  pooled,      // classifier on the pooled first token
  tokens,      // classifier on each token
  vocabulary,  // masked-LM scores
};

// Row-major results [rows, columns] by name.
struct Result {
  std::string name;
  int rows, columns;
  Buffer<float> values;
};

class Model {
 public:
  // The arrays' word embeddings must outlive the model; everything else is copied.
  // Throws std::invalid_argument for arrays that do not fit the config.
  Model(const Config& config, const Arrays& arrays, Head head, Precision precision, int threads,
        const Kernels& kernels);
  ~Model();

  const char* isa() const { return kernels_.name; }
  int threads() const { return threads_; }
  const Config& config() const { return config_; }
  // Seconds of each stage of the last run, summed over the threads; of any of them if there were several at once.
  std::array<double, stage_count> stage_seconds();
  // Rows [count] for which the vocabulary head computes scores; null for all.
  // Safe to call from several threads. Throws std::invalid_argument for ids, segments, positions or rows out
  // of range.
  std::vector<Result> run(const Batch& batch, const std::int32_t* wanted, int wanted_count);
  // As that of the encoder; throws as `run` does.
  Buffer<float> magnitudes(const Batch& batch);

 private:
  // Threads and memory of one call at a time.
  struct Seat {
    Pool pool;
    std::unique_ptr<Workspace> workspace;
  };
  // Gives its seat back at the end of a call.
  class Seated;

  void start_over_after_fork();
  void check(const Batch& batch, const std::int32_t* wanted, int wanted_count) const;
  std::vector<std::int32_t> needed_rows(const Batch& batch, const std::int32_t* wanted, int wanted_count) const;
  std::vector<Result> apply_head(const Batch& batch, const std::int32_t* wanted, int wanted_count, Seat& seat) const;
  Buffer<float> pool_first_tokens(const Batch& batch, Seat& seat) const;

  const Kernels& kernels_;
  const Config config_;
  const Head head_;
  const int threads_;
  Encoder encoder_;
  std::unique_ptr<Dense> pooler_, classifier_;
  std::unique_ptr<Vocabulary> vocabulary_;

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Seat>> free_seats_;
  bool seat_taken_ = false;
  std::atomic<long> process_;
};

}  // namespace squeezebert
