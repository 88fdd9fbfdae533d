// Input that does not fit is refused with std::invalid_argument before anything is computed.
#include "network.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

template <typename F>
void require_refused(const std::string& what, F call) {
  try {
    call();
  } catch (const std::invalid_argument&) {
    return;
  }
  throw Failure(what + " was not refused");
}

void refuse_texts(Random& random, const Network& network, Model& model) {
  const Texts texts = random_texts(random, network.config);
  const auto run = [&](Texts changed) { model.run(changed.batch(), nullptr, 0); };
  const int row = random.between(0, texts.rows() - 1);
  for (const int beyond : {-1, 1 << 30}) {
    Texts changed = texts;
    changed.ids[row] = beyond < 0 ? beyond : network.config.vocab_size;
    require_refused("id", [&] { run(changed); });
    changed = texts;
    changed.segments[row] = beyond < 0 ? beyond : network.config.type_vocab_size;
    require_refused("segment", [&] { run(changed); });
    changed = texts;
    changed.positions[row] = beyond < 0 ? beyond : network.config.max_position_embeddings;
    require_refused("position", [&] { run(changed); });
    const std::int32_t wanted = beyond < 0 ? beyond : texts.rows();
    require_refused("wanted row", [&] { model.run(texts.batch(), &wanted, 1); });
  }
  Texts changed = texts;
  changed.starts.push_back(changed.starts.back());
  require_refused("empty text", [&] { run(changed); });
  require_refused("empty batch", [&] { run(Texts()); });
}

void refuse_arrays(Random& random, const Network& network, const Kernels& kernels) {
  const auto load = [&](const Weights& weights) {
    const Precision precision = random.pick<Precision>({Precision::int8, Precision::fp32});
    Model(network.config, weights.arrays(), network.head, precision, 1, kernels);
  };
  const std::string name = "transformer.encoder.layers.0.output.conv1d.weight";
  const std::size_t hidden = network.config.hidden_size;
  require_refused("no arrays", [&] { load(Weights()); });
  Weights changed = network.weights;
  changed.add(random, name, {hidden + 1, 1}, Type::float32, 1.0f);
  require_refused("another shape", [&] { load(changed); });
}

void refuse_sizes(Random& random, Config config) {
  int* const sizes[] = {&config.vocab_size,       &config.hidden_size,          &config.num_hidden_layers,
                        &config.intermediate_size, &config.num_attention_heads, &config.max_position_embeddings,
                        &config.q_groups,          &config.output_groups,       &config.post_attention_groups};
  *sizes[random.between(0, 8)] = random.pick<int>({0, -1, -1000, 2147483647});
  require_refused("sizes", [&] { check(config); });
}

}  // namespace

void test_refusals(Random& random, const Kernels& kernels) {
  const Network network = random_network(random);
  Model model(network.config, network.weights.arrays(), network.head, Precision::int8, 1, kernels);
  refuse_texts(random, network, model);
  refuse_arrays(random, network, kernels);
  refuse_sizes(random, network.config);
}

}  // namespace squeezebert::selftest
