// Embeddings and the stack of blocks.
#pragma once

#include <vector>

#include "attention.h"
#include "balance.h"
#include "pool.h"
#include "stopwatch.h"

namespace squeezebert {

// What the threads of one call work in.
struct Workspace {
  // Per thread: activations of one block of rows.
  struct Scratch {
    // Few and reused, because together with the passing weights they have to fit the second-level cache.
    Arena arena;
    float *projected, *inner;
    Codes codes, inner_codes;
    Stopwatch watch;
    int rows;  // of all layers, that this thread has computed in the call
    float* magnitudes = nullptr;  // as `Encoder::magnitudes`, of this thread's rows; null where nobody asks
  };

  explicit Workspace(int threads) : scratch(threads), balance(threads) {}

  std::vector<Scratch> scratch;
  Balance balance;
  std::vector<Block> blocks;
  Buffer<float> hidden;  // [T, stride]
  Buffer<float> needed;  // the rows of it that the last layer computes, where these are not all
  // Two, because a block writes the next layer's keys while others still read this layer's.
  std::unique_ptr<Attention> attention[2];
};

class Encoder {
 public:
  Encoder(const Kernels& kernels, Precision precision, const Config& config, const Arrays& arrays);
  ~Encoder();

  // Rows of `Workspace::hidden` are so long.
  std::size_t stride() const { return stride_; }
  std::unique_ptr<Workspace> make_workspace(int threads) const;
  // Leaves the last hidden state [T, hidden] in workspace.hidden; where `needed` names rows of it, in ascending order,
  // only these, which spares the last layer most of its work; the others are then as that layer found them.
  void run(const Batch& batch, const std::vector<std::int32_t>& needed, Workspace& workspace, Pool& pool) const;
  // The same, and the largest magnitude of each channel that goes into queries, keys and values, and into the
  // feed-forward layers: [layers, 2, hidden].
  Buffer<float> magnitudes(const Batch& batch, Workspace& workspace, Pool& pool) const;

 private:
  struct Layer;
  enum class Reader { attention, feed_forward };

  void embed(const Batch& batch, const Block& block, Workspace& workspace) const;
  // `hidden` are all rows that blocks count in.
  void project(const Layer& layer, const Block& block, float* hidden, bool queries, Workspace::Scratch& scratch,
               Attention& attention) const;
  void project_queries(const Layer& layer, const Block& block, Rows& rows, Workspace::Scratch& scratch,
                       Attention& attention) const;
  void finish(const Layer& layer, const Block& block, float* hidden, Workspace::Scratch& scratch,
              Attention& attention) const;
  void finish_needed(const Batch& batch, const std::vector<std::int32_t>& needed, Workspace& workspace,
                     Pool& pool) const;
  void feed_forward(const Layer& layer, Rows& rows, Workspace::Scratch& scratch) const;
  void note_magnitudes(Reader reader, const Layer& layer, const Rows& rows, Workspace::Scratch& scratch) const;

  const Kernels& kernels_;
  const Precision precision_;
  const Config config_;
  const std::size_t stride_, inner_stride_;
  const Array words_;
  Arena arena_;
  std::vector<float> positions_, segments_, norm_weight_, norm_bias_;
  std::vector<Layer> layers_;
};

}  // namespace squeezebert
