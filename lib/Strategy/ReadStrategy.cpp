//===- ReadStrategy.cpp - The settings of a job, from a file --------------===//

#include "fleet/Strategy/Strategy.h"

#include "fleet/Strategy/strategy.pb.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <cmath>

using namespace mlir::fleet;
namespace proto = ::fleet::strategy;

namespace {

/// Keeps the first error.
class FirstError final : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, int column, const std::string &message) override {
    if (text.empty())
      text = (llvm::Twine(line + 1) + ":" + llvm::Twine(column + 1) + ": " +
              message)
                 .str();
  }
  std::string text;
};

/// What makes a strategy impossible, or nothing.
class Check {
public:
  explicit Check(const proto::Strategy &strategy) : s(strategy) {}

  std::string run() {
    if (std::string why = otherModes(); !why.empty())
      return why;
    if (s.has_trainers() && s.trainers() < 1)
      return number("trainers", s.trainers());
    if (std::string why = gradientMerge(); !why.empty())
      return why;
    if (s.mode() == proto::COLLECTIVE)
      return collective();
    if (s.mode() != proto::PS)
      return "";
    if (s.has_min_block_size() && s.min_block_size() < 1)
      return number("min_block_size", s.min_block_size());
    if (s.has_slice_var_up() && !s.slice_var_up() && s.has_min_block_size())
      return "min_block_size: says how to cut parameters, but slice_var_up: "
             "false keeps them whole";
    return synchrony();
  }

private:
  static std::string number(const char *field, int64_t value) {
    return (llvm::Twine(field) + ": " + llvm::Twine(value) +
            ", expected at least 1")
        .str();
  }

  /// A field of another mode than this one's. A local job has nothing to cut
  /// and nobody to wait for.
  std::string otherModes() {
    const google::protobuf::Reflection &reflection = *s.GetReflection();
    std::vector<const google::protobuf::FieldDescriptor *> set;
    reflection.ListFields(s, &set);
    const char *mode = s.mode() == proto::PS           ? "PS"
                       : s.mode() == proto::COLLECTIVE ? "COLLECTIVE"
                                                       : "LOCAL";
    for (const auto *field : set) {
      int number = field->number();
      bool isMerge =
          number == proto::Strategy::kGradientMergeFieldNumber ||
          number == proto::Strategy::kGradientMergeConfigsFieldNumber;
      if (isMerge && s.mode() != proto::PS)
        continue;
      bool isCollective =
          number >= proto::Strategy::kFuseAllReduceOpsFieldNumber;
      const char *expected =
          number == proto::Strategy::kModeFieldNumber ? mode
          : isCollective                              ? "COLLECTIVE"
          : number == proto::Strategy::kTrainersFieldNumber &&
                  s.mode() == proto::COLLECTIVE
              ? mode
              : "PS";
      if (llvm::StringRef(expected) != mode)
        return field->name() + ": is for mode: " + expected +
               (isMerge ? " or LOCAL" : "") + "; this is mode: " + mode;
    }
    return "";
  }

  std::string gradientMerge() {
    if (s.has_gradient_merge_configs() && !s.gradient_merge())
      return "gradient_merge_configs: goes with gradient_merge: true";
    if (s.gradient_merge_configs().has_k_steps() &&
        s.gradient_merge_configs().k_steps() < 1)
      return number("gradient_merge_configs.k_steps",
                    s.gradient_merge_configs().k_steps());
    return "";
  }

  std::string localSGD() {
    if (s.has_localsgd_configs() && !s.localsgd())
      return "localsgd_configs: goes with localsgd: true";
    if (s.has_adaptive_localsgd_configs() && !s.adaptive_localsgd())
      return "adaptive_localsgd_configs: goes with adaptive_localsgd: true";
    if (s.localsgd() && s.adaptive_localsgd())
      return "adaptive_localsgd: true contradicts localsgd: true; the number "
             "of "
             "local steps is either given or chosen";
    if ((s.localsgd() || s.adaptive_localsgd()) && s.gradient_merge())
      return std::string(s.localsgd() ? "localsgd" : "adaptive_localsgd") +
             ": true contradicts gradient_merge: true; a trainer that trains "
             "alone has no gradients of others to merge with, take fewer local "
             "steps of larger batches";
    for (auto [name, value] :
         {std::pair("localsgd_configs.k_steps",
                    s.localsgd_configs().has_k_steps()
                        ? s.localsgd_configs().k_steps()
                        : 1),
          std::pair("localsgd_configs.begin_step",
                    s.localsgd_configs().has_begin_step()
                        ? s.localsgd_configs().begin_step()
                        : 1),
          std::pair("adaptive_localsgd_configs.init_k_steps",
                    s.adaptive_localsgd_configs().has_init_k_steps()
                        ? s.adaptive_localsgd_configs().init_k_steps()
                        : 1),
          std::pair("adaptive_localsgd_configs.begin_step",
                    s.adaptive_localsgd_configs().has_begin_step()
                        ? s.adaptive_localsgd_configs().begin_step()
                        : 1)})
      if (value < 1)
        return number(name, value);
    return "";
  }

  std::string sharding() {
    if (s.has_sharding_configs() && !s.sharding())
      return "sharding_configs: goes with sharding: true";
    int32_t stage = s.sharding_configs().stage();
    if (s.sharding_configs().has_stage() && stage == 3)
      return "sharding_configs.stage: 3, parameters of which no trainer has "
             "all, "
             "is not in this version; 1 and 2 are";
    if (s.sharding_configs().has_stage() && (stage < 1 || stage > 2))
      return "sharding_configs.stage: " + std::to_string(stage) +
             ", expected 1 or 2";
    if (s.sharding() && (s.localsgd() || s.adaptive_localsgd()))
      return "sharding: true contradicts localsgd: true; who trains alone "
             "updates all of each parameter";
    return "";
  }

  std::string hierarchy() {
    if (s.has_hierarchical_allreduce_inter_nranks() &&
        !s.use_hierarchical_allreduce())
      return "hierarchical_allreduce_inter_nranks: goes with "
             "use_hierarchical_allreduce: true";
    if (!s.use_hierarchical_allreduce())
      return "";
    if (s.hierarchical_allreduce_inter_nranks() < 1)
      return number("hierarchical_allreduce_inter_nranks",
                    s.hierarchical_allreduce_inter_nranks());
    if (s.sharding())
      return "use_hierarchical_allreduce: true contradicts sharding: true; "
             "gradients of sharded updates are not all-reduced";
    return "";
  }

  std::string collective() {
    if (std::string why = sharding(); !why.empty())
      return why;
    if (std::string why = hierarchy(); !why.empty())
      return why;
    if (std::string why = localSGD(); !why.empty())
      return why;
    constexpr int64_t kMostMiB = int64_t(1) << 20;
    if (s.has_fuse_grad_size_in_mb() &&
        (s.fuse_grad_size_in_mb() < 1 || s.fuse_grad_size_in_mb() > kMostMiB))
      return llvm::formatv("fuse_grad_size_in_MB: {0}, expected 1 to {1}",
                           s.fuse_grad_size_in_mb(), kMostMiB);
    if (s.has_fuse_grad_size_in_mb() && s.has_fuse_all_reduce_ops() &&
        !s.fuse_all_reduce_ops())
      return "fuse_grad_size_in_MB: says how much travels together, but "
             "fuse_all_reduce_ops: false sends each gradient by itself";
    if (s.fp16_allreduce() && s.bf16_allreduce())
      return "bf16_allreduce: true contradicts fp16_allreduce: true; gradients "
             "travel in one type";
    std::string half = s.fp16_allreduce()   ? "fp16_allreduce: true"
                       : s.bf16_allreduce() ? "bf16_allreduce: true"
                                            : "";
    if (!half.empty() && (s.localsgd() || s.adaptive_localsgd()))
      return half + " contradicts " +
             (s.localsgd() ? "localsgd" : "adaptive_localsgd") +
             ": true; what travels are parameters, which would lose precision "
             "for good";
    if (!half.empty() && s.sharding())
      return half + " contradicts sharding: true; gradients that are "
                    "reduce-scattered keep their type in this version";
    return "";
  }

  std::string synchrony() {
    struct {
      const char *name;
      bool on;
    } asynchronous[] = {
        {"half_async", s.half_async()},
        {"geo_sgd_mode", s.geo_sgd_mode()},
        {"a_sync", s.a_sync()},
    };
    const char *other = nullptr;
    for (const auto &field : asynchronous) {
      if (!field.on)
        continue;
      if (s.sync_mode())
        return std::string(field.name) +
               ": true contradicts sync_mode: true; servers either wait for "
               "all trainers or do not";
      if (other)
        return std::string(field.name) + ": true contradicts " + other +
               ": true; a job has one mode";
      other = field.name;
    }
    if (std::string why = compensation(); !why.empty())
      return why;
    return asynchrony();
  }

  std::string compensation() {
    bool fits =
        s.half_async() || (s.a_sync() && s.a_sync_configs().k_steps() == 0);
    if (s.enable_dc_asgd() && s.sync_mode())
      return "enable_dc_asgd: true contradicts sync_mode: true; no gradient is "
             "late";
    if (s.enable_dc_asgd() && !fits)
      return "enable_dc_asgd: goes with half_async: true, or a_sync: true "
             "without k_steps";
    if (s.has_dc_asgd_lambda() && !s.enable_dc_asgd())
      return "dc_asgd_lambda: goes with enable_dc_asgd: true";
    if (s.has_dc_asgd_lambda() &&
        !(s.dc_asgd_lambda() > 0 && std::isfinite(s.dc_asgd_lambda())))
      return llvm::formatv("dc_asgd_lambda: {0}, expected a factor greater "
                           "than 0",
                           s.dc_asgd_lambda());
    return "";
  }

  std::string asynchrony() {
    if (s.has_geo_sgd_need_push_nums() && !s.geo_sgd_mode())
      return "geo_sgd_need_push_nums: goes with geo_sgd_mode: true";
    if (s.geo_sgd_mode() && s.has_geo_sgd_need_push_nums() &&
        s.geo_sgd_need_push_nums() < 1)
      return number("geo_sgd_need_push_nums", s.geo_sgd_need_push_nums());
    if (s.has_a_sync_configs() && !s.a_sync())
      return "a_sync_configs: goes with a_sync: true";
    const proto::AsyncConfigs &configs = s.a_sync_configs();
    if (configs.k_steps() < 0)
      return "a_sync_configs.k_steps: " + std::to_string(configs.k_steps()) +
             ", expected steps between pushes, or 0 for no local steps";
    if (std::string why =
            queue("max_merge_var_num", configs.has_max_merge_var_num(),
                  configs.max_merge_var_num());
        !why.empty())
      return why;
    if (std::string why =
            queue("send_queue_size", configs.has_send_queue_size(),
                  configs.send_queue_size());
        !why.empty())
      return why;
    if (configs.k_steps() > 0 &&
        (configs.has_max_merge_var_num() || configs.has_send_queue_size()))
      return "a_sync_configs: max_merge_var_num and send_queue_size are for "
             "k_steps: 0; with k_steps, a trainer pushes every k steps";
    bool isOther = s.half_async() || s.geo_sgd_mode() || s.a_sync();
    if (s.has_sync_mode() && !s.sync_mode() && !isOther)
      return "sync_mode: false does not say what instead; say half_async: "
             "true, "
             "a_sync: true or geo_sgd_mode: true";
    return "";
  }

  static std::string queue(const char *field, bool isSet, int64_t value) {
    if (!isSet || (value >= 1 && value <= 4096))
      return "";
    return (llvm::Twine("a_sync_configs.") + field + ": " + llvm::Twine(value) +
            ", expected 1 to 4096 steps")
        .str();
  }

  const proto::Strategy &s;
};

} // namespace

static DistributeOptions toOptions(const proto::Strategy &strategy) {
  DistributeOptions options;
  if (strategy.mode() == proto::PS)
    options.mode = DistributeOptions::Mode::ParameterServer;
  if (strategy.mode() == proto::COLLECTIVE)
    options.mode = DistributeOptions::Mode::Collective;
  if (strategy.has_fuse_grad_size_in_mb())
    options.bucketSize = strategy.fuse_grad_size_in_mb() << 20;
  if (strategy.has_fuse_all_reduce_ops() && !strategy.fuse_all_reduce_ops())
    options.bucketSize = 1;
  if (strategy.gradient_merge_configs().has_k_steps())
    options.mergeSteps = strategy.gradient_merge_configs().k_steps();
  if (strategy.gradient_merge_configs().has_avg())
    options.mergeMean = strategy.gradient_merge_configs().avg();
  if (strategy.localsgd()) {
    options.equality = DistributeOptions::Equality::LocalSGD;
    if (strategy.localsgd_configs().has_k_steps())
      options.localSteps = strategy.localsgd_configs().k_steps();
    if (strategy.localsgd_configs().has_begin_step())
      options.localBegin = strategy.localsgd_configs().begin_step();
  }
  if (strategy.adaptive_localsgd()) {
    options.equality = DistributeOptions::Equality::AdaptiveLocalSGD;
    const proto::AdaptiveLocalSGDConfigs &configs =
        strategy.adaptive_localsgd_configs();
    if (configs.has_init_k_steps())
      options.localSteps = configs.init_k_steps();
    if (configs.has_begin_step())
      options.localBegin = configs.begin_step();
  }
  options.sharding = strategy.sharding();
  if (strategy.use_hierarchical_allreduce())
    options.neighbours = strategy.hierarchical_allreduce_inter_nranks();
  if (strategy.fp16_allreduce())
    options.reducedType = DistributeOptions::ReducedType::F16;
  else if (strategy.bf16_allreduce())
    options.reducedType = DistributeOptions::ReducedType::BF16;
  if (strategy.has_trainers())
    options.trainers = strategy.trainers();
  options.pservers.assign(strategy.pservers().begin(),
                          strategy.pservers().end());
  if (strategy.half_async())
    options.sync = dist::SyncMode::HalfAsync;
  const proto::AsyncConfigs &configs = strategy.a_sync_configs();
  if (strategy.a_sync() && configs.k_steps() == 0)
    options.sync = dist::SyncMode::Async;
  else if (strategy.geo_sgd_mode() || strategy.a_sync())
    options.sync = dist::SyncMode::Geo;
  if (configs.has_max_merge_var_num())
    options.merge = configs.max_merge_var_num();
  if (configs.has_send_queue_size())
    options.queue = configs.send_queue_size();
  if (strategy.has_geo_sgd_need_push_nums())
    options.geoSteps = strategy.geo_sgd_need_push_nums();
  if (configs.k_steps() > 0)
    options.geoSteps = configs.k_steps();
  if (strategy.enable_dc_asgd())
    options.compensation = strategy.has_dc_asgd_lambda()
                               ? strategy.dc_asgd_lambda()
                               : DistributeOptions::kDefaultCompensation;
  if (strategy.assigned() == proto::OWN)
    options.assigned = DistributeOptions::Assigned::Local;
  if (strategy.has_slice_var_up())
    options.slice = strategy.slice_var_up();
  if (strategy.has_min_block_size())
    options.minBlockSize = strategy.min_block_size();
  if (strategy.split_method() == proto::ROUND_ROBIN)
    options.dispatcher = Dispatcher::RoundRobin;
  else if (strategy.split_method() == proto::HASH)
    options.dispatcher = Dispatcher::Hash;
  return options;
}

llvm::Expected<DistributeOptions>
mlir::fleet::parseStrategy(llvm::StringRef text, llvm::StringRef name,
                           DistributeOptions::Mode mode) {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   name + message);
  };
  proto::Strategy strategy;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(text.str(), &strategy))
    return fail(":" + error.text);
  if (!strategy.has_mode() && mode != DistributeOptions::Mode::Local)
    strategy.set_mode(mode == DistributeOptions::Mode::Collective
                          ? proto::COLLECTIVE
                          : proto::PS);
  if (std::string why = Check(strategy).run(); !why.empty())
    return fail(": " + why);
  return toOptions(strategy);
}

llvm::Expected<DistributeOptions>
mlir::fleet::readStrategy(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   path + ": " + file.getError().message());
  return parseStrategy((*file)->getBuffer(), path,
                       DistributeOptions::Mode::Local);
}
