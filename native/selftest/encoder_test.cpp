#include "engine/encoder.h"

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

// An encoder of a random network, texts for it, and threads.
struct Case {
  Network network;
  Texts texts;
  Encoder encoder;
  Pool pool;

  Case(Random& random, const Kernels& kernels, int threads)
      : network(checked(random_network(random))),
        texts(random_texts(random, network.config)),
        encoder(kernels, random.pick<Precision>({Precision::int8, Precision::fp32}), network.config,
                network.weights.arrays()),
        pool(threads) {}

  static Network checked(Network network) {
    check(network.config);
    return network;
  }

  std::unique_ptr<Workspace> make_workspace() const { return encoder.make_workspace(pool.threads()); }

  std::vector<float> hidden_states(const std::vector<std::int32_t>& needed, Workspace& workspace) {
    encoder.run(texts.batch(), needed, workspace, pool);
    const float* hidden = workspace.hidden.data();
    return {hidden, hidden + texts.rows() * encoder.stride()};
  }

  void require_same_row(const std::vector<float>& found, const std::vector<float>& expected, int row) const {
    const std::size_t first = row * encoder.stride(), bytes = network.config.hidden_size * sizeof(float);
    require(std::memcmp(&found[first], &expected[first], bytes) == 0, describe("bits of row", row));
  }
};

}  // namespace

// How rows are divided among threads changes no bit.
void test_shares(Random& random, const Kernels& kernels) {
  const int threads = random.between(least_threads, most_threads);
  Case drawn(random, kernels, threads);
  const auto even = drawn.make_workspace(), uneven = drawn.make_workspace();
  std::vector<Work> done(threads, Work{1, 1.0});
  done[random.between(0, threads - 1)].rows = 9;
  uneven->balance.learn(done);
  const std::vector<float> expected = drawn.hidden_states({}, *even), found = drawn.hidden_states({}, *uneven);
  const int rows = drawn.texts.rows(), first_rows = even->blocks[0].rows;
  // In a batch of so many rows such a share moves the first cut by two units at least, if there is any.
  require(threads == 1 || rows < 32 * kernels.row_unit || uneven->blocks[0].rows != first_rows,
          describe("the first block in spite of its share, rows, of", first_rows, rows));
  for (int row = 0; row < rows; ++row) drawn.require_same_row(found, expected, row);
}

// Rows have the same bits where the last layer computes them alone.
void test_needed_rows(Random& random, const Kernels& kernels) {
  Case drawn(random, kernels, random.between(1, most_threads));
  const auto workspace = drawn.make_workspace();
  const std::vector<float> expected = drawn.hidden_states({}, *workspace);
  std::vector<std::int32_t> needed{random.between(0, drawn.texts.rows() - 1)};
  const int seldom = random.between(1, 20);
  for (int row = needed[0] + 1; row < drawn.texts.rows(); ++row) {
    if (random.one_in(seldom)) needed.push_back(row);
  }
  const std::vector<float> found = drawn.hidden_states(needed, *workspace);
  for (const std::int32_t row : needed) drawn.require_same_row(found, expected, row);
}

}  // namespace squeezebert::selftest
