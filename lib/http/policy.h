#pragma once
/* What a page may do beyond what all pages may (its content security policy). Main thread. */
#include "lib/http/http.h"

/* The page that answers this request may send to this origin, too ("https://bucket.example"); before it is answered. NULL, and what a policy
 * cannot name (an IPv6 address: CSP 3, 2.3.1), changes nothing. */
void tb_request_allow_connect(TbRequest *request, const char *origin);
