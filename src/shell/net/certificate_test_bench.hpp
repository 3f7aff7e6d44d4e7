#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "shell/net/tls_context.hpp"

namespace ringhold::net {

/// A self-signed certificate and its key, as one PEM file that goes with the test; it trusts itself.
class TestCertificate {
 public:
  struct Words {
    std::string common_name = "test";
    std::string alternatives = "DNS:example.test";  ///< as openssl writes subjectAltName; empty: there is none
    long ends_in = 90L * 86'400;                    ///< seconds
  };
  explicit TestCertificate(const Words& words) : key_{EVP_EC_gen("P-256"), EVP_PKEY_free}, certificate_{X509_new(), X509_free} {
    X509_set_version(certificate_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), static_cast<long>(reinterpret_cast<std::uintptr_t>(this) & 0xffffff));
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -100'000);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), words.ends_in);
    X509_set_pubkey(certificate_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(certificate_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(words.common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate_.get(), name);
    if (!words.alternatives.empty()) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, words.alternatives.c_str());
      EXPECT_NE(extension, nullptr) << words.alternatives;
      X509_add_ext(certificate_.get(), extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    path_ = std::filesystem::temp_directory_path() /
            ("ringhold-test-" + std::to_string(getpid()) + "-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".pem");
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path_.c_str(), "w"), std::fclose};
    PEM_write_X509(file.get(), certificate_.get());
    PEM_write_PrivateKey(file.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  TestCertificate() : TestCertificate{Words{}} {}
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate() { std::filesystem::remove(path_); }

  const X509* get() const { return certificate_.get(); }
  std::string path() const { return path_; }
  /// Shows this certificate; trusts `other`.
  TlsFiles files(const TestCertificate& other) const { return {path(), path(), other.path(), "example.test"}; }
  TlsFiles files() const { return files(*this); }

 private:
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::unique_ptr<X509, void (*)(X509*)> certificate_;
  std::filesystem::path path_;
};

}  // namespace ringhold::net
