#pragma once
/* An answer of a route that has asked somebody else first (a store). */
#include "lib/http/http.h"

/* The error, and what its status wants beside it: who he is (401), when to come again (503). */
void tb_http_decline(TbRequest *request, const GError *error);
