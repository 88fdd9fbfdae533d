#include "model.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace squeezebert {

namespace {

long this_process() {
#if defined(__unix__) || defined(__APPLE__)
  return static_cast<long>(getpid());
#else
  return 0;
#endif
}

std::unique_ptr<Dense> make_classifier(const Kernels& kernels, const Config& config, const Arrays& arrays) {
  const std::string name = arrays.has("qa_outputs.bias") ? "qa_outputs" : "classifier";
  if (!arrays.has(name + ".bias")) throw std::invalid_argument(name + ".bias is missing");
  const std::size_t labels = arrays.any(name + ".bias").rows();
  return std::make_unique<Dense>(kernels, arrays, name, config.hidden_size, static_cast<int>(labels));
}

void check_range(const std::int32_t* values, int count, int size, const char* what) {
  for (int i = 0; i < count; ++i) {
    if (values[i] < 0 || values[i] >= size) {
      throw std::invalid_argument(std::string(what) + " " + std::to_string(values[i]) + " of token " +
                                  std::to_string(i) + " is not in 0 to " + std::to_string(size - 1));
    }
  }
}

}  // namespace

// With one thread, calls from several threads run side by side, each on a seat of its own. With more, they
// take turns on one: its pool has all the processors there are.
class Model::Seated {
 public:
  explicit Seated(Model& model) : model_(model) {
    model.start_over_after_fork();
    std::unique_lock<std::mutex> lock(model.mutex_);
    if (model.threads_ > 1) {
      model.freed_.wait(lock, [&] { return !model.seat_taken_; });
      model.seat_taken_ = true;
    }
    if (!model.free_seats_.empty()) {
      seat_ = std::move(model.free_seats_.back());
      model.free_seats_.pop_back();
    }
  }
  ~Seated() {
    {
      const std::lock_guard<std::mutex> lock(model_.mutex_);
      if (seat_) model_.free_seats_.push_back(std::move(seat_));
      model_.seat_taken_ = false;
    }
    model_.freed_.notify_one();
  }
  Seated(const Seated&) = delete;
  Seated& operator=(const Seated&) = delete;

  Seat& seat() {
    if (!seat_) seat_.reset(new Seat{Pool(model_.threads_), model_.encoder_.make_workspace(model_.threads_)});
    return *seat_;
  }

 private:
  Model& model_;
  std::unique_ptr<Seat> seat_;
};

Model::Model(const Config& config, const Arrays& arrays, Head head, Precision precision, int threads,
             const Kernels& kernels)
    : kernels_(kernels),
      config_(config),
      head_(head),
      threads_(threads),
      encoder_(kernels, precision, config, arrays),
      process_(this_process()) {
  if (threads < 1) throw std::invalid_argument("threads " + std::to_string(threads) + " is not positive");
  const bool has_pooler = arrays.has("transformer.pooler.dense.weight");
  if (head == Head::pooled || (head == Head::none && has_pooler)) {
    pooler_ = std::make_unique<Dense>(kernels, arrays, "transformer.pooler.dense", config.hidden_size,
                                      config.hidden_size);
  }
  if (head == Head::pooled || head == Head::tokens) classifier_ = make_classifier(kernels, config, arrays);
  if (head == Head::vocabulary) vocabulary_ = std::make_unique<Vocabulary>(kernels, precision, config, arrays);
}

Model::~Model() {
  start_over_after_fork();
}

// The threads stayed in the parent: nothing can be joined, and the locks may be held for ever. Of several threads
// that find a new process the first one starts over, and the others wait for it.
void Model::start_over_after_fork() {
  const long here = this_process(), starting = -here;
  long known = process_.load();
  while (known != here && (known == starting || !process_.compare_exchange_weak(known, starting))) {
    std::this_thread::yield();
    known = process_.load();
  }
  if (known == here) return;
  for (std::unique_ptr<Seat>& seat : free_seats_) static_cast<void>(seat.release());
  free_seats_.clear();
  new (&mutex_) std::mutex;
  new (&freed_) std::condition_variable;
  seat_taken_ = false;
  process_.store(here);
}

std::vector<Result> Model::run(const Batch& batch, const std::int32_t* wanted, int wanted_count) {
  check(batch, wanted, wanted_count);
  Seated seated(*this);
  Seat& seat = seated.seat();
  encoder_.run(batch, needed_rows(batch, wanted, wanted_count), *seat.workspace, seat.pool);
  return apply_head(batch, wanted, wanted_count, seat);
}

Buffer<float> Model::magnitudes(const Batch& batch) {
  check(batch, nullptr, 0);
  Seated seated(*this);
  Seat& seat = seated.seat();
  return encoder_.magnitudes(batch, *seat.workspace, seat.pool);
}

std::array<double, stage_count> Model::stage_seconds() {
  start_over_after_fork();
  const std::lock_guard<std::mutex> lock(mutex_);
  std::array<double, stage_count> seconds{};
  if (free_seats_.empty() || !free_seats_.back()) return seconds;
  for (const Workspace::Scratch& scratch : free_seats_.back()->workspace->scratch) {
    for (int stage = 0; stage < stage_count; ++stage) seconds[stage] += scratch.watch.seconds(stage);
  }
  return seconds;
}

void Model::check(const Batch& batch, const std::int32_t* wanted, int wanted_count) const {
  if (batch.rows() == 0) throw std::invalid_argument("the batch has no tokens");
  for (int text = 0; text < batch.texts; ++text) {
    if (batch.length(text) < 1) throw std::invalid_argument("text " + std::to_string(text) + " has no tokens");
  }
  check_range(batch.input_ids, batch.rows(), config_.vocab_size, "id");
  check_range(batch.token_type_ids, batch.rows(), config_.type_vocab_size, "segment");
  check_range(batch.position_ids, batch.rows(), config_.max_position_embeddings, "position");
  if (wanted) check_range(wanted, wanted_count, batch.rows(), "wanted row");
}

// The rows of the last hidden state that the head reads, in ascending order; none where it reads all.
std::vector<std::int32_t> Model::needed_rows(const Batch& batch, const std::int32_t* wanted, int wanted_count) const {
  std::vector<std::int32_t> rows;
  if (head_ == Head::pooled) rows.assign(batch.starts, batch.starts + batch.texts);
  if (head_ == Head::vocabulary && wanted) {
    rows.assign(wanted, wanted + wanted_count);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }
  if (rows.size() == static_cast<std::size_t>(batch.rows())) rows.clear();
  return rows;
}

Buffer<float> Model::pool_first_tokens(const Batch& batch, Seat& seat) const {
  const std::size_t hidden = config_.hidden_size;
  std::vector<float> first(batch.texts * hidden);
  for (int text = 0; text < batch.texts; ++text) {
    std::copy_n(seat.workspace->hidden.data() + batch.starts[text] * encoder_.stride(), hidden,
                first.data() + text * hidden);
  }
  Buffer<float> pooled(batch.texts * hidden);
  pooler_->forward(first.data(), hidden, batch.texts, pooled.data(), seat.pool);
  for (std::size_t i = 0; i < batch.texts * hidden; ++i) pooled[i] = std::tanh(pooled[i]);
  return pooled;
}

std::vector<Result> Model::apply_head(const Batch& batch, const std::int32_t* wanted, int wanted_count,
                                      Seat& seat) const {
  const std::size_t hidden = config_.hidden_size, stride = encoder_.stride();
  const float* states = seat.workspace->hidden.data();
  const int rows = batch.rows();
  std::vector<Result> results;
  const auto add = [&](const char* name, std::size_t count, std::size_t columns) -> float* {
    results.push_back({name, static_cast<int>(count), static_cast<int>(columns), Buffer<float>::unset(count * columns)});
    return results.back().values.data();
  };
  switch (head_) {
    case Head::none: {
      float* out = add("last_hidden_state", rows, hidden);
      // By all threads, because new memory costs more than what is copied there.
      const int block_rows = kernels_.block_rows;
      seat.pool.for_each((rows + block_rows - 1) / block_rows, [&](int block, int) {
        const int first = block * block_rows, end = std::min(rows, first + block_rows);
        for (int r = first; r < end; ++r) std::copy_n(states + r * stride, hidden, out + r * hidden);
      });
      if (pooler_) {
        results.push_back({"pooler_output", batch.texts, config_.hidden_size, pool_first_tokens(batch, seat)});
      }
      break;
    }
    case Head::pooled: {
      const Buffer<float> pooled = pool_first_tokens(batch, seat);
      classifier_->forward(pooled.data(), hidden, batch.texts, add("logits", batch.texts, classifier_->outputs()),
                           seat.pool);
      break;
    }
    case Head::tokens:
      classifier_->forward(states, stride, rows, add("logits", rows, classifier_->outputs()), seat.pool);
      break;
    case Head::vocabulary: {
      std::vector<float> chosen;
      const int count = wanted ? wanted_count : rows;
      for (int i = 0; wanted && i < count; ++i) {
        chosen.insert(chosen.end(), states + wanted[i] * stride, states + wanted[i] * stride + hidden);
      }
      vocabulary_->forward(wanted ? chosen.data() : states, wanted ? hidden : stride, count,
                           add("logits", count, config_.vocab_size), seat.pool);
      break;
    }
  }
  return results;
}

}  // namespace squeezebert
