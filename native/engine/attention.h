// Queries, keys and values of a layer for a whole batch, and attention over them.
#pragma once

#include <memory>

#include "batch.h"
#include "linear.h"

namespace squeezebert {

class Attention {
 public:
  virtual ~Attention() = default;

  // Makes room for a batch.
  virtual void resize(const Batch& batch) = 0;
  // Take the projections [block rows, hidden] of a block.
  virtual void put_queries(const Block& block, const float* x, std::size_t stride) = 0;
  virtual void put_keys(const Block& block, const float* x, std::size_t stride) = 0;
  virtual void put_values(const Block& block, const float* x, std::size_t stride) = 0;
  // Context [block rows, hidden], once keys and values of the block's texts are all there.
  virtual void attend(const Block& block, float* out, std::size_t stride) = 0;
};

std::unique_ptr<Attention> make_attention(const Kernels& kernels, Precision precision, HeadShape shape);

}  // namespace squeezebert
