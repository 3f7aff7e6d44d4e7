#include "proxy/best_response.hpp"

namespace ringhold::proxy {

int rank(int status) {
  if (status >= 600) return 0;
  switch (status) {
    case 401:
    case 407:
    case 415:
    case 420:
    case 484: return 200;
    case 486: return 210;
    case 480: return 220;
    case 404:
    case 410: return 280;
    case 408: return 290;
    case 487: return 295;
    case 503: return 399;
    default: break;
  }
  if (status >= 500) return 300;
  if (status >= 400) return 250;
  return 100;
}

}  // namespace ringhold::proxy
