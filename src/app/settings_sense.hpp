#pragma once

#include <string>
#include <vector>

#include "app/settings_file.hpp"

namespace ringhold::app {

/// Where to listen when the file does not say: the machine's addresses in private networks, else loopback.
std::vector<Address> default_addresses(const Surroundings& machine);
/// A wildcard as the addresses that it stands for, those of private networks first and loopback last.
std::vector<Target> spelt_out(const std::vector<Target>& listen, const Surroundings& machine);
std::vector<Endpoint> spelt_out(const std::vector<Endpoint>& listen, const Surroundings& machine);
/// branch.address and branch.networks, where the file does not say.
void complete(Configuration& configuration, const Surroundings& machine);
/// Reads the TLS files: whether they serve the domain, and remarks on them.
void inspect_certificate(Configuration& configuration, const Surroundings& machine);
/// What is allowed, but probably not meant.
std::vector<std::string> remarks_on(const Configuration& configuration, const Surroundings& machine);

}  // namespace ringhold::app
