//===- HandOverTest.cpp ---------------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/HandOver.h"

#include "runtime/launch/Yaml.h"

#include <gmock/gmock.h>

using namespace fleet;
using testing::HasSubstr;
using testing::Not;

namespace {

plan::Job makeJob(uint32_t trainers, std::vector<std::string> servers) {
  plan::Job job;
  job.set_name("fit_a_line");
  job.set_mode(plan::PARAMETER_SERVER);
  job.set_trainers(trainers);
  for (const std::string &server : servers)
    job.add_pservers(server);
  return job;
}

HandOver makeHandOver() {
  HandOver to;
  to.program = "/opt/fleet/fleet-run";
  to.directory = "/job";
  to.name = "fit_a_line";
  to.image = "registry/fleet:1";
  return to;
}

TEST(HandOver, HostsHaveNamesAndSlots) {
  auto hosts = parseHosts("node-1:2,node2.cluster");
  ASSERT_TRUE(hosts.ok()) << hosts.status().message();
  ASSERT_EQ(hosts->size(), 2u);
  EXPECT_EQ((*hosts)[0].name, "node-1");
  EXPECT_EQ((*hosts)[0].slots, 2u);
  EXPECT_EQ((*hosts)[1].name, "node2.cluster");
  EXPECT_EQ((*hosts)[1].slots, 1u);
  for (const char *bad : {"", "a,", ",a", "a:0", "a:", "a:x", "a:1:2", "-x",
                          "a b", "a;b", "$(a)", "a:99999999999"}) {
    Status status = parseHosts(bad).status();
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << bad;
    EXPECT_THAT(status.message(), HasSubstr("--hosts: '"));
  }
}

TEST(HandOver, WordsOfAShell) {
  EXPECT_EQ(shellQuote("--data=a.npy"), "--data=a.npy");
  EXPECT_EQ(shellQuote(""), "''");
  EXPECT_EQ(shellQuote("a b"), "'a b'");
  EXPECT_EQ(shellQuote("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shellQuote("x#y"), "'x#y'");
  EXPECT_EQ(shellQuote("~"), "'~'");
}

TEST(HandOver, NamesThatKubernetesTakes) {
  EXPECT_EQ(kubernetesName("fit_a_line"), "fit-a-line");
  EXPECT_EQ(kubernetesName("MLP"), "mlp");
  EXPECT_EQ(kubernetesName("  a..b__"), "a-b");
  EXPECT_EQ(kubernetesName("4x4"), "job-4x4");
  EXPECT_EQ(kubernetesName("\xc3\xa9"), "job");
  EXPECT_EQ(kubernetesName(""), "job");
  EXPECT_EQ(kubernetesName(std::string(39, 'a') + "-b"), std::string(39, 'a'));
}

TEST(HandOver, MpirunPutsServersWhereTheirProcessesWillBe) {
  HandOver to = makeHandOver();
  to.hosts = {{"n1", 3}, {"n2", 1}};
  // n1: server 0, trainer 0, server 1; n2: trainer 1.
  auto script = mpirunScript(makeJob(2, {"a:6170", "b:6170"}), to);
  ASSERT_TRUE(script.ok()) << script.status().message();
  EXPECT_THAT(*script, HasSubstr("-np 4 --map-by slot --host n1:3,n2:1"));
  EXPECT_THAT(*script, HasSubstr("-x FLEET_PSERVERS=n1:6170,n1:6171"));
  to.options = {"--transport=mpi"};
  script = mpirunScript(makeJob(2, {"a:6170", "b:6170"}), to);
  ASSERT_TRUE(script.ok());
  EXPECT_THAT(*script, Not(HasSubstr("FLEET_PSERVERS")));
  to.hosts = {{"n1", 3}};
  EXPECT_THAT(mpirunScript(makeJob(2, {"a:1", "b:1"}), to).status().message(),
              HasSubstr("--hosts has room for 3 processes, the job has 4 (2 "
                        "servers and 2 trainers)"));
  to.hosts = {{"n1", 4}};
  to.options = {};
  EXPECT_THAT(
      mpirunScript(makeJob(1, {"a:65535", "b:65535"}), to).status().message(),
      HasSubstr("pserver 1: no port is left on n1"));
}

TEST(HandOver, MpirunWithoutHostsNeedsServersHere) {
  // TEST-NET-1 is nobody's.
  EXPECT_THAT(mpirunScript(makeJob(1, {"192.0.2.1:6170"}), makeHandOver())
                  .status()
                  .message(),
              HasSubstr("192.0.2.1:6170 is not an address of this machine"));
}

TEST(HandOver, TrainersOnlyMeetAtTheFirst) {
  HandOver to = makeHandOver();
  to.hosts = {{"n1", 1}, {"n2", 1}};
  auto script = mpirunScript(makeJob(2, {}), to);
  ASSERT_TRUE(script.ok()) << script.status().message();
  EXPECT_THAT(*script, HasSubstr("-np 2"));
  EXPECT_THAT(*script, HasSubstr("-x FLEET_COORDINATOR=n1:29400"));
  script = slurmScript(makeJob(2, {}), to);
  ASSERT_TRUE(script.ok());
  EXPECT_THAT(*script, HasSubstr("#SBATCH --nodelist=n1,n2\n"));
  EXPECT_THAT(*script, HasSubstr("FLEET_COORDINATOR=${nodes[0]}:$port\n"));
  to.name = "fit";
  auto manifest =
      kubernetesManifest(makeJob(2, {}), to, ManifestKind::TrainJob);
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_THAT(*manifest, HasSubstr("value: \"fit-node-0-0.fit:29400\""));
}

TEST(HandOver, ANameCannotLeaveTheCommentOfAScript) {
  HandOver to = makeHandOver();
  to.name = "a\nrm -rf x";
  for (auto write : {mpirunScript, slurmScript}) {
    auto script = write(makeJob(1, {"127.0.0.1:1"}), to);
    ASSERT_TRUE(script.ok());
    EXPECT_THAT(*script, HasSubstr("# a_rm_-rf_x: 1 server and 1 trainer"));
  }
}

TEST(HandOver, WhatKubernetesWouldRefuseIsRefused) {
  auto error = [](const HandOver &to, uint32_t trainers = 2,
                  ManifestKind kind = ManifestKind::JobSet) {
    return kubernetesManifest(makeJob(trainers, {"a:1"}), to, kind)
        .status()
        .message();
  };
  HandOver to = makeHandOver();
  EXPECT_THAT(error(to), HasSubstr("--name=fit_a_line: Kubernetes wants"));
  EXPECT_THAT(error(to), HasSubstr("such as fit-a-line"));
  to.name = std::string(41, 'a');
  EXPECT_THAT(error(to), HasSubstr("at most 40"));
  to.name = "fit";
  to.nameSpace = "Team";
  EXPECT_THAT(error(to), HasSubstr("--namespace=Team"));
  to.nameSpace = "team";
  to.claim = "data";
  EXPECT_THAT(error(to), HasSubstr("--claim=data:: expected NAME:/PATH"));
  to.claimPath = "/data";
  to.options = {"--data=\xff"};
  EXPECT_THAT(error(to), HasSubstr("is no UTF-8"));
  to.options = {};
  EXPECT_THAT(error(to, 2, ManifestKind::TrainJob),
              HasSubstr("this job has 1 server and 2 trainers; use jobset"));
  EXPECT_EQ(error(to), "");
  to.image = "";
  EXPECT_THAT(error(to), HasSubstr("--image=IMAGE is missing"));
}

TEST(Yaml, StringsStayStrings) {
  for (const char *text :
       {"yes",  "No",   "null", "1",          "1e3", "0x1", "~",   "-",
        "a: b", "a #b", "",     " a",         "a ",  "[a]", "{a}", "*a",
        "&a",   "!a",   "|",    ">",          "%a",  "@a",  "`a",  "\n",
        "\"",   "\\",   "'",    "2001-01-01", "=",   "<<",  "?"})
    EXPECT_EQ(toYaml({{"k", text}}),
              "k: " + nlohmann::ordered_json(text).dump() + "\n");
  EXPECT_EQ(toYaml({{"k", "/a/b-c.d"}}), "k: /a/b-c.d\n");
  EXPECT_EQ(toYaml({{"k", 1}, {"l", true}}), "k: 1\nl: true\n");
}

TEST(Yaml, StructuresAreBlocks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  list.push_back({{"a", 1}, {"b", {{"c", 2}}}});
  list.push_back("x");
  EXPECT_EQ(toYaml({{"k", list}, {"e", nlohmann::ordered_json::array()}}),
            "k:\n"
            "  - a: 1\n"
            "    b:\n"
            "      c: 2\n"
            "  - x\n"
            "e: []\n");
}

} // namespace
