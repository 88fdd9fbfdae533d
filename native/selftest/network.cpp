#include "network.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace squeezebert::selftest {

namespace {

constexpr float smallest_normal_half = 0x1p-14f, subnormal_step = 0x1p-24f;

// Cuts x down to a half and returns its bits.
std::uint16_t to_half(float& x) {
  const std::uint16_t sign = x < 0.0f ? 0x8000 : 0;
  const float magnitude = std::fabs(x);
  if (magnitude < smallest_normal_half) {
    const int steps = static_cast<int>(magnitude / subnormal_step);
    x = (sign ? -1.0f : 1.0f) * static_cast<float>(steps) * subnormal_step;
    return static_cast<std::uint16_t>(sign | steps);
  }
  int exponent;
  const int mantissa = static_cast<int>(std::frexp(magnitude, &exponent) * 2048.0f);  // 1024 to 2047
  x = (sign ? -1.0f : 1.0f) * std::ldexp(static_cast<float>(mantissa), exponent - 11);
  return static_cast<std::uint16_t>(sign | ((exponent + 14) << 10) | (mantissa - 1024));
}

// A random divisor.
int divisor(Random& random, int number) {
  std::vector<int> all;
  for (int d = 1; d <= number; ++d) {
    if (number % d == 0) all.push_back(d);
  }
  return random.pick(all);
}

const std::string embeddings = "transformer.embeddings.";

void add_norm(Random& random, Weights& weights, const std::string& name, int size) {
  weights.add(random, name + ".weight", {static_cast<std::size_t>(size)}, Type::float32, 0.1f, 1.0f);
  weights.add(random, name + ".bias", {static_cast<std::size_t>(size)}, Type::float32, 0.1f);
}

// Each output is about as large as an input.
void add_linear(Random& random, Weights& weights, const std::string& name, int groups, int inputs, int outputs) {
  const Type type = random.pick<Type>({Type::int8, Type::float16, Type::float32});
  std::vector<std::size_t> shape{static_cast<std::size_t>(outputs), static_cast<std::size_t>(inputs / groups)};
  if (random.one_in(2)) shape.push_back(1);
  weights.add(random, name + ".weight", shape, type, 1.0f / std::sqrt(static_cast<float>(inputs / groups)));
  weights.add(random, name + ".bias", {shape[0]}, random.pick<Type>({Type::float16, Type::float32}), 0.1f);
}

void add_embedding(Random& random, Weights& weights, const std::string& name, int rows, int columns, Type type) {
  weights.add(random, embeddings + name + "_embeddings.weight",
              {static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)}, type, 1.0f);
}

void add_encoder(Random& random, Weights& weights, const Config& c) {
  const int hidden = c.hidden_size;
  add_embedding(random, weights, "word", c.vocab_size, hidden,
                random.pick<Type>({Type::int8, Type::float16, Type::float32}));
  add_embedding(random, weights, "position", c.max_position_embeddings, hidden, Type::float16);
  add_embedding(random, weights, "token_type", c.type_vocab_size, hidden, Type::float32);
  add_norm(random, weights, embeddings + "LayerNorm", hidden);
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    const std::string name = "transformer.encoder.layers." + std::to_string(layer) + ".";
    add_linear(random, weights, name + "attention.query", c.q_groups, hidden, hidden);
    add_linear(random, weights, name + "attention.key", c.k_groups, hidden, hidden);
    add_linear(random, weights, name + "attention.value", c.v_groups, hidden, hidden);
    if (random.one_in(2)) {
      weights.smooth(random, name + "attention.smoothing", hidden,
                     {name + "attention.query", name + "attention.key", name + "attention.value"});
    }
    add_linear(random, weights, name + "post_attention.conv1d", c.post_attention_groups, hidden, hidden);
    add_norm(random, weights, name + "post_attention.layernorm", hidden);
    add_linear(random, weights, name + "intermediate.conv1d", c.intermediate_groups, hidden, c.intermediate_size);
    if (random.one_in(2)) {
      weights.smooth(random, name + "intermediate.smoothing", hidden, {name + "intermediate.conv1d"});
    }
    add_linear(random, weights, name + "output.conv1d", c.output_groups, c.intermediate_size, hidden);
    add_norm(random, weights, name + "output.layernorm", hidden);
  }
}

}  // namespace

void Weights::add(Random& random, const std::string& name, std::vector<std::size_t> shape, Type type, float scale,
                  float centre) {
  std::size_t size = 1;
  for (const std::size_t axis : shape) size *= axis;
  Stored stored{type, shape, {}, {}, std::vector<float>(size)};
  const std::size_t width = type == Type::int8 ? 1 : type == Type::float16 ? 2 : 4, columns = size / shape[0];
  stored.bytes.resize(size * width);
  if (type == Type::int8) stored.scales.assign(shape[0], 0.0f);
  for (std::size_t i = 0; i < size; ++i) {
    float& value = stored.values[i];
    value = centre + scale * random.normal();
    if (type == Type::int8) {
      float& row_scale = stored.scales[i / columns];
      if (i % columns == 0) row_scale = scale * static_cast<float>(0.01 + 0.02 * random.uniform());
      const auto code = static_cast<std::int8_t>(std::max(-127.0f, std::min(127.0f, value / row_scale)));
      value = row_scale * code;
      std::memcpy(&stored.bytes[i], &code, sizeof code);
    } else if (type == Type::float16) {
      const std::uint16_t half = to_half(value);
      std::memcpy(&stored.bytes[2 * i], &half, sizeof half);
    } else {
      std::memcpy(&stored.bytes[4 * i], &value, sizeof value);
    }
  }
  stored_[name] = std::move(stored);
}

void Weights::smooth(Random& random, const std::string& name, int channels, const std::vector<std::string>& layers) {
  std::vector<float> factors(channels);
  for (float& factor : factors) factor = std::ldexp(1.0f, random.between(-1, 2));
  for (const std::string& layer : layers) {
    Stored& matrix = stored_.at(layer + ".weight");
    if (matrix.type != Type::int8) continue;
    const std::size_t rows = matrix.shape[0], columns = matrix.values.size() / rows, groups = channels / columns;
    for (std::size_t i = 0; i < matrix.values.size(); ++i) {
      const std::size_t group = i / columns / (rows / groups);
      matrix.values[i] /= factors[group * columns + i % columns];
    }
  }
  Stored stored{Type::float32, {static_cast<std::size_t>(channels)}, {}, {}, factors};
  stored.bytes.resize(channels * sizeof(float));
  std::memcpy(stored.bytes.data(), factors.data(), stored.bytes.size());
  stored_[name] = std::move(stored);
}

Arrays Weights::arrays() const {
  Arrays arrays;
  for (const auto& [name, stored] : stored_) {
    arrays.add(name, {stored.type, stored.bytes.data(), stored.shape,
                      stored.type == Type::int8 ? stored.scales.data() : nullptr});
  }
  return arrays;
}

void Texts::append(const Texts& other, int text) {
  for (int row = other.starts[text]; row < other.starts[text + 1]; ++row) {
    ids.push_back(other.ids[row]);
    segments.push_back(other.segments[row]);
    positions.push_back(other.positions[row]);
  }
  starts.push_back(static_cast<std::int32_t>(ids.size()));
}

Config random_config(Random& random) {
  Config c{};
  c.hidden_size = random.one_in(3) ? random.pick<int>({24, 48, 64, 96}) : random.between(12, 80);
  const int hidden = c.hidden_size;
  const bool bert = random.one_in(4);
  const auto groups = [&] { return bert ? 1 : divisor(random, hidden); };
  c.q_groups = groups();
  c.k_groups = groups();
  c.v_groups = groups();
  c.post_attention_groups = groups();
  c.intermediate_groups = groups();
  c.output_groups = random.one_in(2) ? c.intermediate_groups : groups();
  const int unit = std::lcm(c.intermediate_groups, c.output_groups);
  c.intermediate_size = unit * random.between(1, std::max(1, 4 * hidden / unit));
  c.num_attention_heads = divisor(random, hidden);
  c.num_hidden_layers = random.between(1, 3);
  c.vocab_size = random.size(2, 500);
  c.max_position_embeddings = random.size(1, 300);
  c.type_vocab_size = random.between(1, 3);
  c.layer_norm_eps = random.pick<float>({1e-12f, 1e-5f});
  c.activation = random.pick<Activation>({Activation::gelu, Activation::gelu_new, Activation::relu});
  return c;
}

Network random_network(Random& random) {
  Network n{random_config(random), random.pick<Head>({Head::none, Head::pooled, Head::tokens, Head::vocabulary}),
            random.between(1, 40), false, {}};
  const int hidden = n.config.hidden_size;
  n.has_pooler = n.head == Head::pooled || random.one_in(2);
  add_encoder(random, n.weights, n.config);
  if (n.has_pooler) add_linear(random, n.weights, "transformer.pooler.dense", 1, hidden, hidden);
  if (n.head == Head::pooled) add_linear(random, n.weights, "classifier", 1, hidden, n.labels);
  if (n.head == Head::tokens) add_linear(random, n.weights, "qa_outputs", 1, hidden, n.labels);
  if (n.head == Head::vocabulary) {
    add_linear(random, n.weights, "cls.predictions.transform.dense", 1, hidden, hidden);
    add_norm(random, n.weights, "cls.predictions.transform.LayerNorm", hidden);
    n.weights.add(random, "cls.predictions.bias", {static_cast<std::size_t>(n.config.vocab_size)}, Type::float32, 1.0f);
  }
  return n;
}

Texts random_texts(Random& random, const Config& config) {
  Texts texts;
  const int count = random.size(1, 9);
  for (int text = 0; text < count; ++text) {
    for (int left = random.one_in(20) ? random.between(200, 530) : random.size(1, 70); left > 0; --left) {
      texts.ids.push_back(random.between(0, config.vocab_size - 1));
      texts.segments.push_back(random.between(0, config.type_vocab_size - 1));
      texts.positions.push_back(random.between(0, config.max_position_embeddings - 1));
    }
    texts.starts.push_back(static_cast<std::int32_t>(texts.ids.size()));
  }
  return texts;
}

}  // namespace squeezebert::selftest
