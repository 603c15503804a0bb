//===- UpdateRuleTest.cpp - Update rules against their formulas -----------===//
//
// Several steps of each rule that an optimizer writes in nn ops, evaluated by
// the reference interpreter in doubles, against the formula written in C++.
//
//===----------------------------------------------------------------------===//

#include "test/Dialect/Optim/UpdateRule.h"

TEST_F(UpdateRule, EveryLearningRateFollowsASchedule) {
  for (std::string optimizer :
       {"sgd<learning_rate = RATE>",
        "momentum<learning_rate = RATE, momentum = 0.8>",
        "adam<learning_rate = RATE>",
        "adamw<learning_rate = RATE, weight_decay = 0.1>",
        "adamax<learning_rate = RATE>", "adagrad<learning_rate = RATE>",
        "decayed_adagrad<learning_rate = RATE>",
        "adadelta<learning_rate = RATE>",
        "rmsprop<learning_rate = RATE, momentum = 0.5>",
        "rmsprop<learning_rate = RATE, centered = true>",
        "ftrl<learning_rate = RATE, l1 = 0.01, l2 = 0.01>",
        "lars<learning_rate = RATE>", "lamb<learning_rate = RATE>"}) {
    SCOPED_TRACE(optimizer);
    isSplittable = optimizer[0] != 'l';
    auto withRate = [&](const char *rate) {
      std::string text = "#optim." + optimizer;
      return text.replace(text.find("RATE"), 4, rate);
    };
    schedule.clear();
    auto expected = train(withRate("0.25"));
    schedule = "#optim.piecewise_decay<boundaries = [], factors = [0.5]>";
    auto values = train(withRate("0.5"));
    // The last state is the count.
    ASSERT_EQ(values.size(), expected.size() + 1);
    EXPECT_EQ(values.back().values[0], kSteps);
    for (size_t i = 0; i < expected.size(); ++i)
      for (size_t j = 0; j < expected[i].values.size(); ++j)
        EXPECT_NEAR(values[i].values[j], expected[i].values[j], 1e-12);
  }
}

TEST_F(UpdateRule, AScheduleSeesTheUpdatesSoFar) {
  schedule =
      "#optim.piecewise_decay<boundaries = [1, 3], factors = [1.0, 0.5, 0.0]>";
  auto values = train("#optim.sgd<learning_rate = 0.1>");
  ASSERT_EQ(values.size(), 2u);
  double rates[] = {0.1, 0.05, 0.05, 0.0};
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i];
    for (int step = 0; step < kSteps; ++step)
      w -= rates[step] * gradients[step].values[i];
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
  }
}

TEST_F(UpdateRule, sgd) {
  auto values = train("#optim.sgd<learning_rate = 0.1>");
  ASSERT_EQ(values.size(), 1u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i];
    for (int step = 0; step < kSteps; ++step)
      w -= 0.1 * gradients[step].values[i];
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
  }
}

TEST_F(UpdateRule, momentum) {
  for (bool nesterov : {false, true}) {
    auto values = train(
        nesterov ? "#optim.momentum<learning_rate = 0.1, momentum = 0.8, "
                   "nesterov = true>"
                 : "#optim.momentum<learning_rate = 0.1, momentum = 0.8>");
    ASSERT_EQ(values.size(), 2u);
    for (int64_t i = 0; i < kElements; ++i) {
      double w = parameter.values[i], v = 0;
      for (int step = 0; step < kSteps; ++step) {
        double g = gradients[step].values[i];
        v = 0.8 * v + g;
        w -= 0.1 * (nesterov ? g + 0.8 * v : v);
      }
      EXPECT_NEAR(values[0].values[i], w, 1e-12) << "nesterov " << nesterov;
      EXPECT_NEAR(values[1].values[i], v, 1e-12) << "nesterov " << nesterov;
    }
  }
}

TEST_F(UpdateRule, adam) {
  auto values = train("#optim.adam<learning_rate = 0.1, beta1 = 0.8, "
                      "beta2 = 0.95, epsilon = 1.0e-6>");
  ASSERT_EQ(values.size(), 5u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0, v = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m = 0.8 * m + 0.2 * g;
      v = 0.95 * v + 0.05 * g * g;
      double rate = 0.1 * std::sqrt(1 - std::pow(0.95, step + 1)) /
                    (1 - std::pow(0.8, step + 1));
      w -= rate * m / (std::sqrt(v) + 1e-6);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
    EXPECT_NEAR(values[2].values[i], v, 1e-12);
  }
  EXPECT_NEAR(values[3].values[0], std::pow(0.8, kSteps), 1e-12);
  EXPECT_NEAR(values[4].values[0], std::pow(0.95, kSteps), 1e-12);
}

TEST_F(UpdateRule, adamw) {
  auto values = train("#optim.adamw<learning_rate = 0.1, beta1 = 0.8, beta2 = "
                      "0.95, epsilon = 1.0e-6, weight_decay = 0.3>");
  ASSERT_EQ(values.size(), 5u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0, v = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m = 0.8 * m + 0.2 * g;
      v = 0.95 * v + 0.05 * g * g;
      double rate = 0.1 * std::sqrt(1 - std::pow(0.95, step + 1)) /
                    (1 - std::pow(0.8, step + 1));
      w = w * (1 - 0.1 * 0.3) - rate * m / (std::sqrt(v) + 1e-6);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
    EXPECT_NEAR(values[2].values[i], v, 1e-12);
  }
}

TEST_F(UpdateRule, adamax) {
  auto values = train("#optim.adamax<learning_rate = 0.1, beta1 = 0.8, beta2 = "
                      "0.95, epsilon = 1.0e-3>");
  ASSERT_EQ(values.size(), 4u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0, u = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m = 0.8 * m + 0.2 * g;
      u = std::max(std::abs(g), 0.95 * u + 1e-3);
      w -= 0.1 / (1 - std::pow(0.8, step + 1)) * m / u;
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
    EXPECT_NEAR(values[2].values[i], u, 1e-12);
  }
}

TEST_F(UpdateRule, adagrad) {
  auto values = train(
      "#optim.adagrad<learning_rate = 0.1, epsilon = 1.0e-3, initial = 0.5>");
  ASSERT_EQ(values.size(), 2u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0.5;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m += g * g;
      w -= 0.1 * g / (std::sqrt(m) + 1e-3);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
  }
}

TEST_F(UpdateRule, decayed_adagrad) {
  auto values = train("#optim.decayed_adagrad<learning_rate = 0.1, decay = "
                      "0.8, epsilon = 1.0e-3>");
  ASSERT_EQ(values.size(), 2u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], m = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      m = 0.8 * m + 0.2 * g * g;
      w -= 0.1 * g / (std::sqrt(m) + 1e-3);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], m, 1e-12);
  }
}

TEST_F(UpdateRule, adadelta) {
  auto values = train(
      "#optim.adadelta<learning_rate = 0.5, rho = 0.8, epsilon = 1.0e-2>");
  ASSERT_EQ(values.size(), 3u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], a = 0, u = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      a = 0.8 * a + 0.2 * g * g;
      double d = std::sqrt((u + 1e-2) / (a + 1e-2)) * g;
      u = 0.8 * u + 0.2 * d * d;
      w -= 0.5 * d;
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], a, 1e-12);
    EXPECT_NEAR(values[2].values[i], u, 1e-12);
  }
}

TEST_F(UpdateRule, rmsprop) {
  auto values = train("#optim.rmsprop<learning_rate = 0.1, rho = 0.8, epsilon "
                      "= 1.0e-2, momentum = 0.7>");
  ASSERT_EQ(values.size(), 3u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], s = 0, v = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      s = 0.8 * s + 0.2 * g * g;
      v = 0.7 * v + 0.1 * g / std::sqrt(s + 1e-2);
      w -= v;
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], s, 1e-12);
    EXPECT_NEAR(values[2].values[i], v, 1e-12);
  }
}

TEST_F(UpdateRule, centered_rmsprop) {
  auto values = train("#optim.rmsprop<learning_rate = 0.1, rho = 0.8, epsilon "
                      "= 1.0e-2, momentum = 0.7, centered = true>");
  ASSERT_EQ(values.size(), 4u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], s = 0, v = 0, c = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      s = 0.8 * s + 0.2 * g * g;
      c = 0.8 * c + 0.2 * g;
      v = 0.7 * v + 0.1 * g / std::sqrt(s - c * c + 1e-2);
      w -= v;
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], s, 1e-12);
    EXPECT_NEAR(values[2].values[i], v, 1e-12);
    EXPECT_NEAR(values[3].values[i], c, 1e-12);
  }
}

TEST_F(UpdateRule, ftrl) {
  auto values = train("#optim.ftrl<learning_rate = 0.5, l1 = 0.3, l2 = 0.1>");
  ASSERT_EQ(values.size(), 3u);
  for (int64_t i = 0; i < kElements; ++i) {
    double w = parameter.values[i], n = 0, z = 0;
    for (int step = 0; step < kSteps; ++step) {
      double g = gradients[step].values[i];
      double before = n;
      n += g * g;
      z += g - (std::sqrt(n) - std::sqrt(before)) / 0.5 * w;
      w = 0;
      if (std::abs(z) > 0.3)
        w = ((z > 0 ? 0.3 : -0.3) - z) / (std::sqrt(n) / 0.5 + 0.2);
    }
    EXPECT_NEAR(values[0].values[i], w, 1e-12);
    EXPECT_NEAR(values[1].values[i], n, 1e-12);
    EXPECT_NEAR(values[2].values[i], z, 1e-12);
  }
}

namespace {
double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return std::sqrt(sum);
}
} // namespace

TEST_F(UpdateRule, lars) {
  isSplittable = false;
  auto values =
      train("#optim.lars<learning_rate = 0.5, momentum = 0.7, "
            "coefficient = 0.2, weight_decay = 0.1, epsilon = 1.0e-3>");
  ASSERT_EQ(values.size(), 2u);
  std::vector<double> w = parameter.values, v(kElements, 0.0);
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<double> &g = gradients[step].values;
    double rate = 0.5 * 0.2 * norm(w) / (norm(g) + 0.1 * norm(w) + 1e-3);
    for (int64_t i = 0; i < kElements; ++i) {
      v[i] = 0.7 * v[i] + rate * (g[i] + 0.1 * w[i]);
      w[i] -= v[i];
    }
  }
  for (int64_t i = 0; i < kElements; ++i) {
    EXPECT_NEAR(values[0].values[i], w[i], 1e-12);
    EXPECT_NEAR(values[1].values[i], v[i], 1e-12);
  }
}

TEST_F(UpdateRule, larsWithoutANormHasThePlainRate) {
  isSplittable = false;
  std::fill(parameter.values.begin(), parameter.values.end(), 0.0);
  for (Tensor &gradient : gradients)
    std::fill(gradient.values.begin(), gradient.values.end(), 0.0);
  gradients[0].values = {1.0, 2.0, -1.0};
  auto values = train("#optim.lars<learning_rate = 0.5, momentum = 0.0, "
                      "weight_decay = 0.0>");
  ASSERT_EQ(values.size(), 2u);
  for (int64_t i = 0; i < kElements; ++i)
    EXPECT_NEAR(values[0].values[i], -0.5 * gradients[0].values[i], 1e-12);
}

TEST_F(UpdateRule, lamb) {
  isSplittable = false;
  auto values = train("#optim.lamb<learning_rate = 0.1, beta1 = 0.8, "
                      "beta2 = 0.95, epsilon = 1.0e-6, weight_decay = 0.3>");
  ASSERT_EQ(values.size(), 5u);
  std::vector<double> w = parameter.values, m(kElements, 0.0),
                      v(kElements, 0.0), d(kElements);
  for (int step = 0; step < kSteps; ++step) {
    for (int64_t i = 0; i < kElements; ++i) {
      double g = gradients[step].values[i];
      m[i] = 0.8 * m[i] + 0.2 * g;
      v[i] = 0.95 * v[i] + 0.05 * g * g;
      double first = m[i] / (1 - std::pow(0.8, step + 1));
      double second = v[i] / (1 - std::pow(0.95, step + 1));
      d[i] = first / (std::sqrt(second) + 1e-6) + 0.3 * w[i];
    }
    double ratio = norm(w) / norm(d);
    for (int64_t i = 0; i < kElements; ++i)
      w[i] -= 0.1 * ratio * d[i];
  }
  for (int64_t i = 0; i < kElements; ++i) {
    EXPECT_NEAR(values[0].values[i], w[i], 1e-12);
    EXPECT_NEAR(values[1].values[i], m[i], 1e-12);
    EXPECT_NEAR(values[2].values[i], v[i], 1e-12);
  }
}

TEST_F(UpdateRule, dpsgd) {
  isSplittable = false;
  // Without noise, a gradient that may be clipped.
  auto values = train("#optim.dpsgd<learning_rate = 0.1, clip = 1.5, "
                      "batch_size = 4.0, sigma = 0.0>");
  ASSERT_EQ(values.size(), 2u);
  std::vector<double> quiet = parameter.values;
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<double> &g = gradients[step].values;
    double scale = std::max(1.0, norm(g) / 1.5);
    for (int64_t i = 0; i < kElements; ++i)
      quiet[i] -= 0.1 * g[i] / scale;
  }
  for (int64_t i = 0; i < kElements; ++i)
    EXPECT_NEAR(values[0].values[i], quiet[i], 1e-12);
  EXPECT_EQ(values[1].values[0], kSteps);
  // With noise: the same for all elements, repeatable, and another with
  // another seed.
  auto noiseOf = [&](const char *optimizer) {
    auto noisy = train(optimizer);
    double noise = noisy[0].values[0] - quiet[0];
    for (int64_t i = 0; i < kElements; ++i)
      EXPECT_NEAR(noisy[0].values[i] - quiet[i], noise, 1e-12);
    return noise;
  };
  const char *one = "#optim.dpsgd<learning_rate = 0.1, clip = 1.5, "
                    "batch_size = 4.0, sigma = 2.0>";
  double noise = noiseOf(one);
  EXPECT_GT(std::abs(noise), 1e-4);
  EXPECT_LT(std::abs(noise), kSteps * 0.1 * 5 * 2.0 / 4.0);
  EXPECT_EQ(noise, noiseOf(one));
  EXPECT_NE(noise, noiseOf("#optim.dpsgd<learning_rate = 0.1, clip = 1.5, "
                           "batch_size = 4.0, sigma = 2.0, seed = 1>"));
}

TEST_F(UpdateRule, constantsHaveTheElementTypeOfTheParameter) {
  // The interpreter takes constants as the program has them: rounded to f32.
  auto values = train("#optim.sgd<learning_rate = 0.1>", "f32");
  ASSERT_EQ(values.size(), 1u);
  double w = parameter.values[0];
  for (int step = 0; step < kSteps; ++step)
    w -= static_cast<double>(0.1f) * gradients[step].values[0];
  EXPECT_NEAR(values[0].values[0], w, 1e-12);
}
