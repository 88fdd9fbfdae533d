#include "model_binding.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>

#include "engine/dispatch.h"
#include "engine/model.h"

namespace nb = nanobind;
using namespace nb::literals;
using namespace squeezebert;

namespace {

using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

int size_of(const nb::dict& config, const char* key) {
  if (!config.contains(key)) throw std::invalid_argument(std::string(key) + " is missing from the config");
  return nb::cast<int>(config[key]);
}

Activation activation_of(const std::string& name) {
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_new") return Activation::gelu_new;
  if (name == "relu") return Activation::relu;
  throw std::invalid_argument("hidden_act '" + name + "' is not one of gelu, gelu_new, relu");
}

Config config_of(const nb::dict& config) {
  return {size_of(config, "vocab_size"),
          size_of(config, "hidden_size"),
          size_of(config, "num_hidden_layers"),
          size_of(config, "num_attention_heads"),
          size_of(config, "intermediate_size"),
          size_of(config, "max_position_embeddings"),
          size_of(config, "type_vocab_size"),
          size_of(config, "q_groups"),
          size_of(config, "k_groups"),
          size_of(config, "v_groups"),
          size_of(config, "post_attention_groups"),
          size_of(config, "intermediate_groups"),
          size_of(config, "output_groups"),
          nb::cast<float>(config["layer_norm_eps"]),
          activation_of(nb::cast<std::string>(config["hidden_act"]))};
}

Type type_of(const std::string& name, const AnyArray& array) {
  if (array.dtype() == nb::dtype<float>()) return Type::float32;
  if (array.dtype() == nb::dtype<std::int8_t>()) return Type::int8;
  if (array.dtype().code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) && array.dtype().bits == 16) {
    return Type::float16;
  }
  throw std::invalid_argument(name + " is neither float32, float16 nor int8");
}

constexpr const char* scale_suffix = ".scale";

Arrays arrays_of(const nb::dict& named) {
  Arrays arrays;
  for (const auto& [key, value] : named) {
    const std::string name = nb::cast<std::string>(key);
    const AnyArray array = nb::cast<AnyArray>(value);
    Array view{type_of(name, array), array.data(), {}, nullptr};
    for (std::size_t axis = 0; axis < array.ndim(); ++axis) view.shape.push_back(array.shape(axis));
    const std::string scale_name = name + scale_suffix;
    if (view.type == Type::int8 && named.contains(scale_name.c_str())) {
      const AnyArray scales = nb::cast<AnyArray>(named[scale_name.c_str()]);
      if (scales.dtype() != nb::dtype<float>() || scales.ndim() != 1 || scales.shape(0) != view.rows()) {
        throw std::invalid_argument(scale_name + " is not float32 with one value for each row of " + name);
      }
      view.scales = static_cast<const float*>(scales.data());
    }
    arrays.add(name, view);
  }
  return arrays;
}

Head head_of(const std::string& name) {
  if (name == "none") return Head::none;
  if (name == "pooled") return Head::pooled;
  if (name == "tokens") return Head::tokens;
  if (name == "vocabulary") return Head::vocabulary;
  throw std::invalid_argument("head '" + name + "' is not one of none, pooled, tokens, vocabulary");
}

Precision precision_of(const std::string& name) {
  if (name == "int8") return Precision::int8;
  if (name == "fp32") return Precision::fp32;
  throw std::invalid_argument("precision '" + name + "' is not one of int8, fp32");
}

// Keeps the arrays alive that the model goes on reading.
struct PyModel {
  PyModel(const nb::dict& config_dict, const nb::dict& named, const std::string& head, const std::string& precision,
          int threads, const std::string& isa) {
    const Config config = config_of(config_dict);
    check(config);
    const Arrays arrays = arrays_of(named);
    const std::string words = "transformer.embeddings.word_embeddings.weight";
    for (const std::string& name : {words, words + scale_suffix}) {
      if (named.contains(name.c_str())) kept.append(named[name.c_str()]);
    }
    const Head head_kind = head_of(head);
    const Precision precision_kind = precision_of(precision);
    const Kernels& kernels = choose_kernels(isa);
    nb::gil_scoped_release release;
    model = std::make_unique<Model>(config, arrays, head_kind, precision_kind, threads, kernels);
  }

  nb::list kept;
  std::unique_ptr<Model> model;
};

nb::object to_numpy(Buffer<float>& buffer, std::initializer_list<std::size_t> shape) {
  auto* values = new Buffer<float>(std::move(buffer));
  nb::capsule owner(values, [](void* pointer) noexcept { delete static_cast<Buffer<float>*>(pointer); });
  return nb::cast(nb::ndarray<nb::numpy, float>(values->data(), shape, owner));
}

constexpr std::size_t most_tokens = std::size_t{1} << 24;

// What was not given of a batch: the first segment, and places counted from 0 in each text.
struct Defaults {
  std::vector<std::int32_t> segments, positions;

  void set_positions(const std::int32_t* starts, std::size_t texts) {
    for (std::size_t text = 0; text < texts; ++text) {
      const int length = starts[text + 1] - starts[text];
      for (int position = 0; position < length; ++position) positions.push_back(position);
    }
  }
};

Batch batch_of(const Ints& input_ids, const std::optional<Ints>& token_type_ids,
               const std::optional<Ints>& position_ids, const Ints& starts, Defaults& defaults) {
  const std::size_t tokens = input_ids.shape(0);
  for (const std::optional<Ints>& other : {token_type_ids, position_ids}) {
    if (other && other->shape(0) != tokens) {
      throw std::invalid_argument("input_ids, token_type_ids and position_ids differ in length");
    }
  }
  if (tokens > most_tokens) throw std::invalid_argument("the batch has more than 2^24 tokens");
  const std::size_t texts = starts.shape(0) - 1;
  bool ascending = starts.shape(0) > 0 && starts.data()[0] == 0;
  for (std::size_t i = 0; ascending && i < texts; ++i) ascending = starts.data()[i] <= starts.data()[i + 1];
  if (!ascending || starts.data()[texts] != static_cast<std::int32_t>(tokens)) {
    throw std::invalid_argument("starts do not rise from 0 to the number of tokens");
  }
  if (!token_type_ids) defaults.segments.resize(tokens);
  if (!position_ids) defaults.set_positions(starts.data(), texts);
  return {input_ids.data(), token_type_ids ? token_type_ids->data() : defaults.segments.data(),
          position_ids ? position_ids->data() : defaults.positions.data(), starts.data(), static_cast<int>(texts)};
}

nb::dict run_batch(PyModel& self, const Batch& batch, const std::int32_t* wanted, std::size_t wanted_count) {
  std::vector<Result> results;
  {
    nb::gil_scoped_release release;
    results = self.model->run(batch, wanted, static_cast<int>(wanted_count));
  }
  nb::dict named;
  for (Result& result : results) {
    named[result.name.c_str()] =
        to_numpy(result.values, {static_cast<std::size_t>(result.rows), static_cast<std::size_t>(result.columns)});
  }
  return named;
}

nb::dict run(PyModel& self, Ints input_ids, std::optional<Ints> token_type_ids, std::optional<Ints> position_ids,
             Ints starts, std::optional<Ints> wanted) {
  Defaults defaults;
  const Batch batch = batch_of(input_ids, token_type_ids, position_ids, starts, defaults);
  return run_batch(self, batch, wanted ? wanted->data() : nullptr, wanted ? wanted->shape(0) : 0);
}

// Lists of ids, one text after the other.
struct Lists {
  std::vector<std::int32_t> ids, starts{0};

  // False where `texts` are anything else, or more than a batch may have.
  bool read(nb::handle texts) {
    if (!nb::isinstance<nb::list>(texts)) return false;
    for (const nb::handle text : nb::borrow<nb::list>(texts)) {
      if (!nb::isinstance<nb::list>(text)) return false;
      for (const nb::handle id : nb::borrow<nb::list>(text)) {
        ids.emplace_back();
        if (!nb::try_cast(id, ids.back(), false)) return false;
      }
      if (ids.size() > most_tokens) return false;
      starts.push_back(static_cast<std::int32_t>(ids.size()));
    }
    return true;
  }
};

nb::object run_lists(PyModel& self, nb::handle input_ids) {
  Lists lists;
  if (!lists.read(input_ids)) return nb::none();
  const std::size_t texts = lists.starts.size() - 1;
  Defaults defaults;
  defaults.segments.resize(lists.ids.size());
  defaults.set_positions(lists.starts.data(), texts);
  return run_batch(self,
                   {lists.ids.data(), defaults.segments.data(), defaults.positions.data(), lists.starts.data(),
                    static_cast<int>(texts)},
                   nullptr, 0);
}

nb::object magnitudes(PyModel& self, Ints input_ids, Ints token_type_ids, Ints starts) {
  Defaults defaults;
  const Batch batch = batch_of(input_ids, token_type_ids, std::nullopt, starts, defaults);
  Buffer<float> largest;
  {
    nb::gil_scoped_release release;
    largest = self.model->magnitudes(batch);
  }
  const Config& config = self.model->config();
  return to_numpy(largest, {static_cast<std::size_t>(config.num_hidden_layers), 2,
                            static_cast<std::size_t>(config.hidden_size)});
}

nb::dict stage_seconds(PyModel& self) {
  const auto seconds = self.model->stage_seconds();
  nb::dict named;
  named["linear"] = seconds[static_cast<int>(Stage::linear)];
  named["attention"] = seconds[static_cast<int>(Stage::attention)];
  named["elementwise"] = seconds[static_cast<int>(Stage::elementwise)];
  return named;
}

double int8_ceiling(int threads, double seconds, const std::string& isa) {
  if (threads < 1) throw std::invalid_argument("threads " + std::to_string(threads) + " is not positive");
  const Kernels& kernels = choose_kernels(isa);
  nb::gil_scoped_release release;
  Pool pool(threads);
  std::vector<double> operations(threads, 0.0);
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  pool.for_each(threads, [&](int item, int) {
    do operations[item] += kernels.run_dot_products(1 << 16);
    while (passed() < seconds);
  });
  const double total_seconds = passed();
  double total = 0.0;
  for (const double count : operations) total += count;
  return total / total_seconds / 1e9;
}

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const Kernels* kernels : instruction_sets()) names.push_back(kernels->name);
  return names;
}

}  // namespace

void bind_model(nb::module_& module) {
  nb::class_<PyModel>(module, "Model", "An encoder and its head, packed for one instruction set.")
      .def(nb::init<const nb::dict&, const nb::dict&, const std::string&, const std::string&, int,
                    const std::string&>(),
           "config"_a, "arrays"_a, "head"_a, "precision"_a, "threads"_a, "isa"_a)
      .def("run", &run, "input_ids"_a, "token_type_ids"_a.none(), "position_ids"_a.none(), "starts"_a,
           "wanted"_a.none())
      .def("run_lists", &run_lists, "input_ids"_a.none())
      .def("magnitudes", &magnitudes, "input_ids"_a, "token_type_ids"_a, "starts"_a,
           "Largest magnitude of each channel that goes into attention and the feed-forward layers.")
      .def("stage_seconds", &stage_seconds,
           "Seconds that the last run spent in linear layers, attention and the rest, summed over the threads.")
      .def_prop_ro("isa", [](const PyModel& self) { return self.model->isa(); })
      .def_prop_ro("threads", [](const PyModel& self) { return self.model->threads(); });
  module.def("int8_ceiling", &int8_ceiling, "threads"_a, "seconds"_a, "isa"_a = "",
             "Giga-operations per second of int8 dot products alone: what no int8 engine can exceed.");
  module.def("instruction_sets", &isa_names, "Names of the instruction sets that this machine runs, best first.");
}
