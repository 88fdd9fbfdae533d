#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "network.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

#if defined(__EMSCRIPTEN__)
constexpr int most_threads = 1;
#else
constexpr int most_threads = 3;
#endif

std::string text_of(const Network& network) {
  const Config& c = network.config;
  return describe("head, hidden, heads, intermediate, layers, groups", static_cast<int>(network.head), c.hidden_size,
                  c.num_attention_heads, c.intermediate_size, c.num_hidden_layers, c.q_groups, c.k_groups, c.v_groups,
                  c.post_attention_groups, c.intermediate_groups, c.output_groups);
}

// A model of `network`, whose weights must outlive it.
std::unique_ptr<Model> model_of(const Network& network, Precision precision, int threads, const Kernels& kernels) {
  check(network.config);
  return std::make_unique<Model>(network.config, network.weights.arrays(), network.head, precision, threads, kernels);
}

// Rows of one result that belong to a text: one for each token, or one.
struct Rows {
  const float* values;
  std::size_t size;
};

Rows rows_of(const Result& result, const Texts& texts, int text) {
  const bool each = result.rows == texts.rows();
  const std::size_t columns = result.columns;
  return {result.values.data() + (each ? texts.starts[text] : text) * columns, (each ? texts.length(text) : 1) * columns};
}

void require_same(const Rows& found, const Rows& expected, const std::string& what) {
  require(found.size == expected.size &&
              std::memcmp(found.values, expected.values, found.size * sizeof(float)) == 0,
          what);
}

// Root mean square of found - expected, relative to that of expected; but to 0.1 at least, as one or two logits
// may be small by chance.
double relative_error(const Rows& found, const Doubles& expected) {
  double error = 0.0, size = 0.0;
  for (std::size_t i = 0; i < found.size; ++i) {
    error += (found.values[i] - expected[i]) * (found.values[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return std::sqrt(error / std::max(size, 0.01 * found.size));
}

// Calls compare(rows, expected) for each text's part of each result.
void compare_with_reference(const Network& network, const Texts& texts, Precision precision, int threads,
                            const Kernels& kernels,
                            const std::function<void(const Rows& found, const Doubles& expected)>& compare) {
  const auto model = model_of(network, precision, threads, kernels);
  const std::vector<Result> results = model->run(texts.batch(), nullptr, 0);
  for (int text = 0; text < texts.count(); ++text) {
    const std::vector<Doubles> expected = forward(network, texts, text);
    require(results.size() == expected.size(), "another number of results");
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Rows found = rows_of(results[i], texts, text);
      require(found.size == expected[i].size(), "a result of another size");
      compare(found, expected[i]);
    }
  }
}

Texts in_order(const Texts& texts, const std::vector<int>& order) {
  Texts result;
  for (const int text : order) result.append(texts, text);
  return result;
}

std::vector<int> shuffled(Random& random, int count) {
  std::vector<int> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int i = count - 1; i > 0; --i) std::swap(order[i], order[random.between(0, i)]);
  return order;
}

}  // namespace

void test_model_fp32(Random& random, const Kernels& kernels) {
  const Network network = random_network(random);
  const Texts texts = random_texts(random, network.config);
  compare_with_reference(network, texts, Precision::fp32, random.between(1, most_threads), kernels,
                         [&](const Rows& found, const Doubles& expected) {
                           for (std::size_t i = 0; i < found.size; ++i) {
                             const double tolerance = 1e-4 * std::max(1.0, std::fabs(expected[i]));
                             require_close(found.values[i], expected[i], tolerance, text_of(network));
                           }
                         });
}

void test_model_int8(Random& random, const Kernels& kernels) {
  const Network network = random_network(random);
  const Texts texts = random_texts(random, network.config);
  compare_with_reference(network, texts, Precision::int8, random.between(1, most_threads), kernels,
                         [&](const Rows& found, const Doubles& expected) {
                           require_close(relative_error(found, expected), 0.0, 0.2, text_of(network));
                         });
}

// A text's result has the same bits alone, in any batch at any place, with any number of threads.
void test_text_alone_or_in_a_batch(Random& random, const Kernels& kernels) {
  const Network network = random_network(random);
  const Texts texts = random_texts(random, network.config);
  const Precision precision = random.pick<Precision>({Precision::int8, Precision::fp32});
  const auto one = model_of(network, precision, 1, kernels), more = model_of(network, precision, most_threads, kernels);
  const std::vector<Result> together = one->run(texts.batch(), nullptr, 0);
  const std::vector<int> order = shuffled(random, texts.count());
  const Texts moved_texts = in_order(texts, order);
  const std::vector<Result> moved = more->run(moved_texts.batch(), nullptr, 0);
  for (int place = 0; place < texts.count(); ++place) {
    const int text = order[place];
    const Texts alone_text = in_order(texts, {text});
    const std::vector<Result> alone = more->run(alone_text.batch(), nullptr, 0);
    for (std::size_t i = 0; i < together.size(); ++i) {
      const Rows expected = rows_of(together[i], texts, text);
      require_same(rows_of(moved[i], moved_texts, place), expected, "another place: " + text_of(network));
      require_same(rows_of(alone[i], alone_text, 0), expected, "alone: " + text_of(network));
    }
  }
  const Buffer<float> largest = one->magnitudes(texts.batch()), same = more->magnitudes(moved_texts.batch());
  const std::size_t channels = 2 * network.config.num_hidden_layers * network.config.hidden_size;
  require_same({largest.data(), channels}, {same.data(), channels}, "magnitudes: " + text_of(network));
  if (network.head != Head::vocabulary) return;
  std::vector<std::int32_t> wanted(random.size(1, 2 * texts.rows()));
  for (auto& row : wanted) row = random.between(0, texts.rows() - 1);
  const std::vector<Result> chosen = more->run(texts.batch(), wanted.data(), static_cast<int>(wanted.size()));
  const std::size_t columns = together[0].columns;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    require_same({chosen[0].values.data() + i * columns, columns},
                 {together[0].values.data() + wanted[i] * columns, columns}, "wanted rows: " + text_of(network));
  }
}

// Several threads call one model at a time.
void test_calls_side_by_side(Random& random, const Kernels& kernels) {
  const Network network = random_network(random);
  const Texts texts = random_texts(random, network.config);
  const auto model = model_of(network, Precision::int8, random.between(1, most_threads), kernels);
  const std::vector<Result> expected = model->run(texts.batch(), nullptr, 0);
  std::vector<std::vector<Result>> found(most_threads);
  std::vector<std::thread> callers;
  const auto call = [&](int i) { found[i] = model->run(texts.batch(), nullptr, 0); };
  for (int i = 1; i < most_threads; ++i) callers.emplace_back(call, i);
  call(0);
  for (std::thread& caller : callers) caller.join();
  for (const std::vector<Result>& results : found) {
    const std::size_t size = static_cast<std::size_t>(expected[0].rows) * expected[0].columns;
    require_same({results[0].values.data(), size}, {expected[0].values.data(), size}, text_of(network));
  }
}

}  // namespace squeezebert::selftest
