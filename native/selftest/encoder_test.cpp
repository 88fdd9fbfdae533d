#include "engine/encoder.h"

#include <algorithm>
#include <cstring>

#include "network.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

#if defined(__EMSCRIPTEN__)
constexpr int least_threads = 1, most_threads = 1;
#else
constexpr int least_threads = 2, most_threads = 3;
#endif

std::vector<float> hidden_states(const Encoder& encoder, const Texts& texts, const std::vector<std::int32_t>& needed,
                                 Workspace& workspace, Pool& pool) {
  encoder.run(texts.batch(), needed, workspace, pool);
  const float* hidden = workspace.hidden.data();
  return {hidden, hidden + texts.rows() * encoder.stride()};
}

void require_same_row(const Encoder& encoder, const Network& network, const std::vector<float>& found,
                      const std::vector<float>& expected, int row) {
  const std::size_t first = row * encoder.stride(), bytes = network.config.hidden_size * sizeof(float);
  require(std::memcmp(&found[first], &expected[first], bytes) == 0, describe("bits of row", row));
}

}  // namespace

// How rows are divided among threads changes no bit.
void test_shares(Random& random, const Kernels& kernels) {
  const int threads = random.between(least_threads, most_threads);
  const Network network = random_network(random);
  check(network.config);
  const Texts texts = random_texts(random, network.config);
  const Precision precision = random.pick<Precision>({Precision::int8, Precision::fp32});
  const Encoder encoder(kernels, precision, network.config, network.weights.arrays());
  Pool pool(threads);
  const auto even = encoder.make_workspace(threads), uneven = encoder.make_workspace(threads);
  std::vector<Work> done(threads, Work{1, 1.0});
  done[random.between(0, threads - 1)].rows = 9;
  uneven->balance.learn(done);
  const std::vector<float> expected = hidden_states(encoder, texts, {}, *even, pool);
  const std::vector<float> found = hidden_states(encoder, texts, {}, *uneven, pool);
  const int first_rows = even->blocks[0].rows;
  // In a batch of so many rows such a share moves the first cut by two units at least.
  require(texts.rows() < 32 * kernels.row_unit || uneven->blocks[0].rows != first_rows,
          describe("the first block in spite of its share, rows, of", first_rows, texts.rows()));
  for (int row = 0; row < texts.rows(); ++row) require_same_row(encoder, network, found, expected, row);
}

// Rows have the same bits where the last layer computes them alone.
void test_needed_rows(Random& random, const Kernels& kernels) {
  const int threads = random.between(1, most_threads);
  const Network network = random_network(random);
  check(network.config);
  const Texts texts = random_texts(random, network.config);
  const Precision precision = random.pick<Precision>({Precision::int8, Precision::fp32});
  const Encoder encoder(kernels, precision, network.config, network.weights.arrays());
  Pool pool(threads);
  const auto workspace = encoder.make_workspace(threads);
  const std::vector<float> expected = hidden_states(encoder, texts, {}, *workspace, pool);
  std::vector<std::int32_t> needed;
  const int seldom = random.between(1, 20);
  for (int row = 0; row < texts.rows(); ++row) {
    if (random.one_in(seldom)) needed.push_back(row);
  }
  const std::vector<float> found = hidden_states(encoder, texts, needed, *workspace, pool);
  for (const std::int32_t row : needed) require_same_row(encoder, network, found, expected, row);
}

}  // namespace squeezebert::selftest
