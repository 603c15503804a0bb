//===- SafetensorsHeaderTest.cpp ------------------------------------------===//

#include "runtime/checkpoint/SafetensorsHeader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::string errorOf(std::string_view text, uint64_t payload = 8) {
  auto header = parseSafetensorsHeader(text, payload);
  EXPECT_FALSE(header.ok()) << text;
  EXPECT_TRUE(header.ok() || !header.status().message().empty()) << text;
  return header.ok() ? "" : header.status().message();
}

std::string tensor(const std::string &body) { return "{\"w\":{" + body + "}}"; }

TEST(SafetensorsHeader, AHeaderOfAnotherToolIsUnderstood) {
  auto header = parseSafetensorsHeader(
      R"({"b": {"shape": [], "dtype": "F64", "data_offsets": [8, 16]},
          "__metadata__": {"format": "pt"},
          "w": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
          "none": {"dtype": "F32", "shape": [0, 3], "data_offsets": [8, 8]}}  )",
      16);
  ASSERT_TRUE(header.ok()) << header.status().message();
  EXPECT_EQ(header->metadata.at("format"), "pt");
  EXPECT_EQ(header->entries.size(), 3u);
  EXPECT_THAT(header->entries.at("w").shape, ElementsAre(2, 1));
  EXPECT_EQ(header->entries.at("b").offset, 8u);
  EXPECT_EQ(header->entries.at("b").dtype, plan::F64);
  EXPECT_TRUE(parseSafetensorsHeader("{}", 0).ok());
}

TEST(SafetensorsHeader, WhatIsNotAHeaderIsAnError) {
  EXPECT_THAT(errorOf(""), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(errorOf(" {}", 0), HasSubstr("does not begin with '{'"));
  for (const char *text :
       {"{", "{\"w\"", "{}x", "{}{}", "{\"w\":{\"dtype\":\"F32\"",
        "{\"\xff\":{}}", "{\"a\":nul}"})
    EXPECT_THAT(errorOf(text, 0), HasSubstr("not valid json")) << text;
  for (const char *text :
       {R"({"w":1})", R"({"w":"F32"})", R"({"w":[]})", R"({"w":null})",
        R"({"w":true})", R"({"__metadata__":{"a":1}})",
        R"({"__metadata__":{"a":{}}})", R"({"__metadata__":[]})"})
    EXPECT_THAT(errorOf(text, 0), HasSubstr("malformed")) << text;
  EXPECT_THAT(errorOf(R"({"":{"dtype":"I8","shape":[],"data_offsets":[0,1]}})"),
              HasSubstr("empty name"));
}

TEST(SafetensorsHeader, DeepNestingEndsTheParseAtOnce) {
  EXPECT_THAT(errorOf("{\"w\":" + std::string(1000000, '[')),
              HasSubstr("malformed at 'w'"));
  std::string objects = "{\"w\":";
  for (int i = 0; i < 100000; ++i)
    objects += "{\"shape\":";
  EXPECT_THAT(errorOf(objects), HasSubstr("malformed at 'w'"));
  EXPECT_THAT(errorOf(tensor("\"shape\":[" + std::string(100, '[') + "]")),
              HasSubstr("malformed at 'w'"));
}

TEST(SafetensorsHeader, FieldsOfATensorAreChecked) {
  const std::string type = "\"dtype\":\"F32\"", shape = "\"shape\":[2]",
                    offsets = "\"data_offsets\":[0,8]";
  ASSERT_TRUE(
      parseSafetensorsHeader(tensor(type + "," + shape + "," + offsets), 8)
          .ok());
  EXPECT_THAT(errorOf(tensor(type + "," + shape)), HasSubstr("lacks"));
  EXPECT_THAT(errorOf(tensor(type + "," + offsets)), HasSubstr("lacks"));
  EXPECT_THAT(errorOf(tensor(shape + "," + offsets)), HasSubstr("lacks"));
  EXPECT_THAT(errorOf(tensor("\"dtype\":\"U7\"," + shape + "," + offsets)),
              HasSubstr("unknown type 'U7'"));
  EXPECT_THAT(errorOf(tensor("\"color\":\"red\"")),
              HasSubstr("unknown field 'color'"));
  for (const char *bad :
       {"\"shape\":[-2]", "\"shape\":[2.0]", "\"shape\":[true]", "\"shape\":2",
        "\"shape\":[[2]]", "\"shape\":[18446744073709551615]", "\"dtype\":[1]",
        "\"dtype\":1", "\"data_offsets\":[0]", "\"data_offsets\":[0,8,9]",
        "\"data_offsets\":[]"})
    EXPECT_THAT(errorOf(tensor(bad)), HasSubstr("malformed at 'w'")) << bad;
  std::string ones = "1";
  for (int i = 0; i < 40; ++i)
    ones += ",1";
  EXPECT_THAT(errorOf(tensor("\"shape\":[" + ones + "]")),
              HasSubstr("malformed"));
}

TEST(SafetensorsHeader, SizesAreCheckedWithoutOverflow) {
  auto sized = [](const char *shape, const char *offsets) {
    return tensor(std::string("\"dtype\":\"F32\",\"shape\":") + shape +
                  ",\"data_offsets\":" + offsets);
  };
  EXPECT_THAT(errorOf(sized("[3]", "[0,8]")), HasSubstr("takes 12 bytes"));
  EXPECT_THAT(errorOf(sized("[2]", "[8,0]")), HasSubstr("takes 8 bytes"));
  EXPECT_THAT(errorOf(sized("[4294967296,4294967296]", "[0,0]")),
              HasSubstr("too many"));
  EXPECT_THAT(errorOf(sized("[9223372036854775807]", "[0,8]")),
              HasSubstr("too many bytes"));
  EXPECT_THAT(
      errorOf(sized("[2]", "[9223372036854775799,9223372036854775807]")),
      HasSubstr("begins at byte"));
}

TEST(SafetensorsHeader, TensorsCoverTheDataExactly) {
  auto two = [](const char *first, const char *second) {
    return std::string(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)") +
           first + R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" +
           second + "}}";
  };
  EXPECT_TRUE(parseSafetensorsHeader(two("[8,16]", "[0,8]"), 16).ok());
  EXPECT_THAT(errorOf(two("[0,8]", "[0,8]"), 8), HasSubstr("tensor 'b'"));
  EXPECT_THAT(errorOf(two("[0,8]", "[4,12]"), 12), HasSubstr("instead of 8"));
  EXPECT_THAT(errorOf(two("[0,8]", "[12,20]"), 20), HasSubstr("instead of 8"));
  EXPECT_THAT(errorOf(two("[4,12]", "[12,20]"), 20), HasSubstr("instead of 0"));
  EXPECT_THAT(errorOf(two("[0,8]", "[8,16]"), 17),
              HasSubstr("take 16 bytes, but 17 follow"));
  EXPECT_THAT(errorOf(two("[0,8]", "[8,16]"), 15), HasSubstr("but 15 follow"));
}

TEST(SafetensorsHeader, NothingMayBeThereTwice) {
  const char *w = R"("w":{"dtype":"I8","shape":[],"data_offsets":[0,1]})";
  EXPECT_THAT(errorOf(fmt::format("{{{0},{0}}}", w), 1),
              HasSubstr("'w' is there twice"));
  EXPECT_THAT(errorOf(R"({"__metadata__":{"a":"1","a":"2"}})", 0),
              HasSubstr("'a' is there twice"));
  EXPECT_THAT(errorOf(R"({"__metadata__":{},"__metadata__":{}})", 0),
              HasSubstr("twice"));
  EXPECT_THAT(errorOf(tensor("\"shape\":[1],\"shape\":[1]")),
              HasSubstr("'shape' is there twice"));
}

} // namespace
