#include "shell/net/datagrams.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringhold::net {

namespace {

template <typename Info>
Info control_data(const cmsghdr* header) {
  Info info;
  std::memcpy(&info, CMSG_DATA(header), sizeof info);
  return info;
}

Address address_of(const in_addr& address) {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return Address::v4(bytes);
}

Address address_of(const in6_addr& address) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return Address::v6(bytes);
}

template <typename Info>
void put_control(msghdr& message, char* buffer, int level, int type, const Info& info) {
  message.msg_control = buffer;
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

}  // namespace

ReceiveBatch::ReceiveBatch() : buffers_{std::make_unique_for_overwrite<char[]>(datagram_bytes * datagrams_per_call)} {
  for (std::size_t i = 0; i < datagrams_per_call; ++i) {
    parts_[i] = {buffer(i), datagram_bytes};
    headers_[i].msg_hdr.msg_iov = &parts_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &addresses_[i];
    headers_[i].msg_hdr.msg_control = controls_[i].bytes;
  }
  reset(datagrams_per_call);
}

void ReceiveBatch::reset(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    headers_[i].msg_hdr.msg_controllen = control_bytes;
    headers_[i].msg_hdr.msg_flags = 0;
  }
}

int ReceiveBatch::receive(int socket) {
  reset(datagrams_per_call);
  const int count = recvmmsg(socket, headers_.data(), datagrams_per_call, MSG_DONTWAIT, nullptr);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

std::optional<Address> ReceiveBatch::local(std::size_t i) const {
  msghdr message = headers_[i].msg_hdr;
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) return address_of(control_data<in_pktinfo>(header).ipi_addr);
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO)
      return address_of(control_data<in6_pktinfo>(header).ipi6_addr);
  }
  return std::nullopt;
}

void SendBatch::add(const Endpoint& remote, const std::optional<Address>& source, std::string_view bytes) {
  const std::size_t i = count_++;
  parts_[i] = {const_cast<char*>(bytes.data()), bytes.size()};
  addresses_[i] = SocketAddress{remote};
  msghdr& message = headers_[i].msg_hdr;
  message = {};
  message.msg_iov = &parts_[i];
  message.msg_iovlen = 1;
  message.msg_name = &addresses_[i].storage;
  message.msg_namelen = addresses_[i].length;
  if (!source || !can_reach(*source, remote.address)) return;
  if (source->is_v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source->bytes().data(), 4);
    put_control(message, controls_[i].bytes, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source->bytes().data(), 16);
    put_control(message, controls_[i].bytes, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

int SendBatch::send(int socket, std::size_t first) {
  const int count = sendmmsg(socket, headers_.data() + first, static_cast<unsigned>(count_ - first), MSG_DONTWAIT | MSG_NOSIGNAL);
  return count >= 0 ? count : -errno;
}

std::optional<IcmpError> next_icmp_error(int socket) {
  sockaddr_storage offender{};
  struct alignas(cmsghdr) {
    char bytes[512];
  } control;
  char payload[1];
  iovec part{payload, sizeof payload};
  msghdr message{};
  message.msg_name = &offender;
  message.msg_namelen = sizeof offender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    const bool four = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const bool six = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (!four && !six) continue;
    return IcmpError{to_endpoint(offender), static_cast<int>(control_data<sock_extended_err>(header).ee_errno)};
  }
  return IcmpError{};
}

}  // namespace ringhold::net
