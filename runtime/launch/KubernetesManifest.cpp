//===- KubernetesManifest.cpp - A job for Kubernetes ----------------------===//
//
// Part of the Fleet project.
//
// Fields as documented for JobSet (jobset.x-k8s.io/v1alpha2), TrainJob and
// TrainingRuntime (trainer.kubeflow.org/v1alpha1) and MPIJob
// (kubeflow.org/v2beta1).
//
//===----------------------------------------------------------------------===//

#include "runtime/environment/WorldLayout.h"
#include "runtime/launch/HandOverScripts.h"
#include "runtime/launch/Yaml.h"

#include <cctype>

using namespace fleet;
using Json = nlohmann::ordered_json;

/// Names of pods are made from the job's: they have to stay below 63.
static constexpr size_t kLongestName = 40;

/// Names of pods are in the DNS a little after the pods: waits up to two
/// minutes for those in $FLEET_WAIT_FOR, then becomes its arguments.
static constexpr char kWaitForNames[] =
    "for try in $(seq 120); do getent hosts $FLEET_WAIT_FOR >/dev/null && "
    "break; sleep 1; done; exec \"$@\"";

static constexpr char kAncestorStep[] =
    "trainer.kubeflow.org/trainjob-ancestor-step";

/// RFC 1035 label, as services and JobSets want it.
static bool isName(const std::string &name, size_t longest) {
  auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.empty() || name.size() > longest || !letter(name[0]) ||
      name.back() == '-')
    return false;
  for (char c : name)
    if (!letter(c) && !digit(c) && c != '-')
      return false;
  return true;
}

std::string fleet::kubernetesName(const std::string &job) {
  std::string name;
  for (char c : job) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!kept && (name.empty() || name.back() == '-'))
      continue;
    name += kept ? c : '-';
  }
  if (name.empty() || !(name[0] >= 'a' && name[0] <= 'z'))
    name = name.empty() ? "job" : "job-" + name;
  name.resize(std::min(name.size(), kLongestName));
  while (name.back() == '-')
    name.pop_back();
  return name;
}

namespace {

class Manifest {
public:
  Manifest(const plan::Job &job, const HandOver &to) : job(job), to(to) {}

  Json jobSet() const;
  Json trainingRuntime() const;
  Json trainJob() const;
  Json mpiJob() const;

private:
  Json metadata(const std::string &name) const {
    Json result{{"name", name}};
    if (!to.nameSpace.empty())
      result["namespace"] = to.nameSpace;
    return result;
  }
  static Json variable(const char *name, const std::string &value) {
    return Json{{"name", name}, {"value", value}};
  }
  /// `before`, then fleet-run with its options.
  Json command(std::vector<std::string> before) const {
    before.push_back(to.program);
    before.push_back(to.directory);
    before.insert(before.end(), to.options.begin(), to.options.end());
    Json arguments = Json::array();
    for (const std::string &argument : before)
      arguments.push_back(literal(argument));
    return arguments;
  }
  /// Kubernetes puts variables in place of $(NAME), and $ in place of $$.
  static std::string literal(const std::string &text) {
    std::string result;
    for (char c : text)
      result += c == '$' ? std::string("$$") : std::string(1, c);
    return result;
  }
  static Json waitForNames() {
    return Json::array(
        {"/bin/sh", "-c", literal(kWaitForNames), "wait-for-names"});
  }
  Json container(const char *name) const;
  Json podSpec(Json container) const;
  Json replicatedJob(const char *role, uint32_t pods) const;
  /// HOST:PORT of all servers, one a pod of `pod(server)`, for FLEET_PSERVERS;
  /// with `hostsOnly` the hosts, with blanks between.
  template <typename Pod> std::string servers(Pod pod, bool hostsOnly) const {
    std::string list;
    for (uint32_t i = 0; i < static_cast<uint32_t>(job.pservers_size()); ++i)
      list += (list.empty() ? ""
               : hostsOnly  ? " "
                            : ",") +
              pod(i) + (hostsOnly ? "" : fmt::format(":{}", to.port));
    return list;
  }

  const plan::Job &job;
  const HandOver &to;
};

Json Manifest::container(const char *name) const {
  Json result{{"name", name}, {"image", to.image}};
  if (!to.claim.empty())
    result["volumeMounts"] =
        Json::array({Json{{"name", "job"}, {"mountPath", to.claimPath}}});
  return result;
}

Json Manifest::podSpec(Json container) const {
  Json spec{{"restartPolicy", "Never"}};
  spec["containers"] = Json::array({std::move(container)});
  if (!to.claim.empty())
    spec["volumes"] = Json::array(
        {Json{{"name", "job"},
              {"persistentVolumeClaim", Json{{"claimName", to.claim}}}}});
  return spec;
}

/// The pods of one role; Kubernetes numbers them in JOB_COMPLETION_INDEX.
Json Manifest::replicatedJob(const char *role, uint32_t pods) const {
  Json pod = container("fleet-run");
  if (job.mode() != plan::SINGLE)
    pod["command"] = waitForNames();
  else
    pod["command"] = Json::array({"/usr/bin/env"}); // finds fleet-run
  pod["args"] = command({});
  pod["env"] = Json::array({variable("FLEET_ROLE", role)});
  if (job.pservers_size() > 0) {
    auto name = [&](uint32_t i) {
      return fmt::format("{0}-pserver-0-{1}.{0}", to.name, i);
    };
    pod["env"].push_back(variable("FLEET_PSERVERS", servers(name, false)));
    pod["env"].push_back(variable("FLEET_WAIT_FOR", servers(name, true)));
  } else if (job.mode() != plan::SINGLE) {
    std::string first = fmt::format("{0}-trainer-0-0.{0}", to.name);
    pod["env"].push_back(
        variable("FLEET_COORDINATOR", fmt::format("{}:{}", first, to.port)));
    pod["env"].push_back(variable("FLEET_WAIT_FOR", first));
  }
  Json spec{{"completionMode", "Indexed"},
            {"parallelism", pods},
            {"completions", pods},
            {"backoffLimit", 0},
            {"template", Json{{"spec", podSpec(std::move(pod))}}}};
  return Json{{"name", role}, {"replicas", 1}, {"template", {{"spec", spec}}}};
}

Json Manifest::jobSet() const {
  Json jobs = Json::array();
  if (job.pservers_size() > 0)
    jobs.push_back(
        replicatedJob("pserver", static_cast<uint32_t>(job.pservers_size())));
  Json trainers =
      replicatedJob("trainer", job.mode() == plan::SINGLE ? 1 : job.trainers());
  if (job.pservers_size() > 0)
    trainers["dependsOn"] =
        Json::array({Json{{"name", "pserver"}, {"status", "Ready"}}});
  jobs.push_back(trainers);
  Json spec{{"network", {{"enableDNSHostnames", true}}},
            {"successPolicy",
             {{"operator", "All"},
              {"targetReplicatedJobs", Json::array({"trainer"})}}},
            // A restart would begin anew, not where the job was.
            {"failurePolicy", {{"maxRestarts", 0}}},
            {"replicatedJobs", jobs}};
  return Json{{"apiVersion", "jobset.x-k8s.io/v1alpha2"},
              {"kind", "JobSet"},
              {"metadata", metadata(to.name)},
              {"spec", spec}};
}

/// What a TrainJob refers to: the shape of the pods.
Json Manifest::trainingRuntime() const {
  Json pod{{"template", {{"spec", podSpec(container("node"))}}}};
  Json node{{"name", "node"},
            {"template",
             {{"metadata", {{"labels", {{kAncestorStep, "trainer"}}}}},
              {"spec", pod}}}};
  return Json{
      {"apiVersion", "trainer.kubeflow.org/v1alpha1"},
      {"kind", "TrainingRuntime"},
      {"metadata", metadata(to.name)},
      {"spec",
       {{"mlPolicy", {{"numNodes", job.trainers()}}},
        {"template", {{"spec", {{"replicatedJobs", Json::array({node})}}}}}}}};
}

Json Manifest::trainJob() const {
  std::string first = fmt::format("{0}-node-0-0.{0}", to.name);
  Json trainer{
      {"image", to.image},
      {"command", waitForNames()},
      {"args", command({})},
      {"env", Json::array({variable("FLEET_COORDINATOR",
                                    fmt::format("{}:{}", first, to.port)),
                           variable("FLEET_WAIT_FOR", first)})},
      {"numNodes", job.trainers()}};
  return Json{{"apiVersion", "trainer.kubeflow.org/v1alpha1"},
              {"kind", "TrainJob"},
              {"metadata", metadata(to.name)},
              {"spec",
               {{"runtimeRef",
                 {{"apiGroup", "trainer.kubeflow.org"},
                  {"kind", "TrainingRuntime"},
                  {"name", to.name}}},
                {"trainer", trainer}}}};
}

/// One process a pod, so number and pod are the same.
Json Manifest::mpiJob() const {
  uint32_t processes = worldSize(job);
  auto pod = [&](uint32_t rank) {
    return fmt::format("{0}-worker-{1}.{0}", to.name, rank);
  };
  std::vector<std::string> mpirun = {"--allow-run-as-root", "-np",
                                     std::to_string(processes), "--map-by",
                                     "slot"};
  if (job.pservers_size() > 0 && !usesMpiTransport(to.options)) {
    auto server = [&](uint32_t i) {
      return pod(worldRankOf(job, plan::PSERVER, i));
    };
    mpirun.push_back("-x");
    mpirun.push_back("FLEET_PSERVERS=" + servers(server, false));
  }
  if (job.mode() != plan::SINGLE && job.pservers_size() == 0) {
    mpirun.push_back("-x");
    mpirun.push_back(fmt::format("FLEET_COORDINATOR={}:{}", pod(0), to.port));
  }
  Json launcher = container("launcher");
  launcher["command"] = Json::array({"mpirun"});
  launcher["args"] = command(mpirun);
  Json worker = container("worker");
  worker["command"] = Json::array({"/usr/sbin/sshd"});
  worker["args"] = Json::array({"-De"});
  auto replicas = [&](uint32_t count, Json container) {
    return Json{{"replicas", count},
                {"restartPolicy", "Never"},
                {"template", {{"spec", podSpec(std::move(container))}}}};
  };
  return Json{
      {"apiVersion", "kubeflow.org/v2beta1"},
      {"kind", "MPIJob"},
      {"metadata", metadata(to.name)},
      {"spec",
       {{"slotsPerWorker", 1},
        {"launcherCreationPolicy", "WaitForWorkersReady"},
        {"runPolicy", {{"cleanPodPolicy", "Running"}, {"backoffLimit", 0}}},
        {"mpiReplicaSpecs",
         {{"Launcher", replicas(1, launcher)},
          {"Worker", replicas(processes, worker)}}}}}};
}

} // namespace

StatusOr<std::string> fleet::kubernetesManifest(const plan::Job &job,
                                                const HandOver &to,
                                                ManifestKind kind) {
  auto fail = [](const char *what, const std::string &value,
                 const std::string &why) {
    return makeError(StatusCode::InvalidArgument, "{}={}: {}", what, value,
                     why);
  };
  if (to.image.empty())
    return makeError(StatusCode::InvalidArgument,
                     "--image=IMAGE is missing: a container image with "
                     "fleet-run in it");
  if (!isName(to.name, kLongestName))
    return fail("--name", to.name,
                fmt::format("Kubernetes wants at most {} lower-case letters, "
                            "digits and '-', a letter first, such as {}",
                            kLongestName, kubernetesName(to.name)));
  if (!to.nameSpace.empty() && !isName(to.nameSpace, 63))
    return fail("--namespace", to.nameSpace,
                "expected lower-case letters, digits and '-', a letter first");
  if (!to.claim.empty() && !isName(to.claim, 63))
    return fail("--claim", to.claim,
                "expected NAME:/PATH, with a name of lower-case letters, "
                "digits and '-'");
  if (!to.claim.empty() && (to.claimPath.empty() || to.claimPath[0] != '/'))
    return fail("--claim", to.claim + ":" + to.claimPath,
                "expected NAME:/PATH, where to mount it");
  std::vector<std::string> texts = to.options;
  texts.insert(texts.end(), {to.program, to.directory, to.image, to.claimPath});
  for (const std::string &text : texts)
    if (!isUtf8(text))
      return makeError(StatusCode::InvalidArgument,
                       "'{}' is no UTF-8, which Kubernetes wants", text);
  Manifest manifest(job, to);
  std::string head = fmt::format(
      "# {}, by fleet-launch --launcher=kubernetes.\n", describeJob(job));
  switch (kind) {
  case ManifestKind::JobSet:
    return head + toYaml(manifest.jobSet());
  case ManifestKind::TrainJob:
    if (job.pservers_size() > 0 || job.mode() == plan::SINGLE)
      return makeError(StatusCode::InvalidArgument,
                       "--manifest=trainjob: all processes of a TrainJob are "
                       "alike, and this job has {}; use jobset or mpijob",
                       describeJob(job));
    return head + toYaml(manifest.trainingRuntime()) + "---\n" +
           toYaml(manifest.trainJob());
  case ManifestKind::MPIJob:
    return head + toYaml(manifest.mpiJob());
  }
  return makeError(StatusCode::Internal, "no such manifest");
}
