#include "network.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Shares that a pool may come to have.
std::vector<double> random_shares(Random& random, int threads) {
  Balance balance(threads);
  std::vector<Work> done(threads);
  for (Work& work : done) work = {random.between(1, 100), 0.01 + random.uniform()};
  balance.learn(done);
  return balance.shares();
}

}  // namespace

// Blocks hold all rows, each in its place, are no larger than there is room for, and keep steps of keys together.
void test_divide(Random& random, const Kernels& kernels) {
  Texts texts;
  for (int text = random.between(1, 20); text > 0; --text) texts.starts.push_back(texts.rows() + random.size(1, 512));
  const Batch batch = texts.batch();
  const int threads = random.between(1, 5);
  const std::vector<double> shares = random_shares(random, threads);
  int row = 0;
  for (const Block& block : divide(batch, shares, kernels.block_rows, kernels.row_unit)) {
    require(block.row == row && block.rows > 0, describe("block begins, after, rows", block.row, row, block.rows));
    require(block.rows <= most_block_rows(threads, kernels.block_rows, kernels.row_unit),
            describe("a block of so many rows, threads", block.rows, threads));
    for (const Segment& segment : block.segments) {
      require(segment.row == row && segment.row == batch.starts[segment.text] + segment.position,
              describe("segment of text, row, expected", segment.text, segment.row, row));
      require(segment.position % 4 == 0, describe("a text is cut at", segment.position));
      row += segment.rows;
      require(row <= batch.starts[segment.text + 1], "a segment goes beyond its text");
    }
    require(row == block.row + block.rows, "segments do not fill their block");
  }
  require(row == batch.rows(), describe("rows in blocks, of", row, batch.rows()));
}

// Threads of any speeds come to be done at the same time, unless one were to get more than there is room for, or
// hardly anything.
void test_balance(Random& random, const Kernels&) {
  const int threads = random.between(1, 5);
  std::vector<double> speeds(threads), expected(threads);
  double sum = 0.0;
  for (double& speed : speeds) sum += speed = 1.0 + 0.4 * random.uniform();
  Balance balance(threads);
  for (int call = 0; call < 40; ++call) {
    std::vector<Work> done(threads);
    for (int t = 0; t < threads; ++t) done[t] = {1000, 1000 / speeds[t]};
    if (call % 2) done[random.between(0, threads - 1)].rows = 0;  // Nothing is learnt from that.
    balance.learn(done);
  }
  for (int t = 0; t < threads; ++t) require_close(balance.shares()[t], speeds[t] / sum, 1e-4, "share of a thread");
  if (threads == 1) return;
  std::vector<Work> done(threads, Work{1, 1.0});
  done[0].rows = 1000;
  for (int call = 0; call < 40; ++call) balance.learn(done);
  require_close(balance.shares()[0], Balance::most / threads, 1e-9, "the largest share");
  for (Work& work : done) work.rows = 1000;
  done[0].rows = 1;
  for (int call = 0; call < 40; ++call) balance.learn(done);
  require_close(balance.shares()[0], Balance::least / threads, 1e-9, "the smallest share");
}

}  // namespace squeezebert::selftest
