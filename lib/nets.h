#pragma once
/* Networks as people write them. Any thread. */
#include <glib.h>
#include <stdbool.h>

/* Networks: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32". */
typedef struct TbNets TbNets;
TbNets *tb_nets_new(const char *const *list, GError **error); /* NULL: one of them is none */
void tb_nets_free(TbNets *nets);                              /* accepts NULL */
/* Whether a numeric address is in one of them. NULL nets: no. */
bool tb_nets_have(const TbNets *nets, const char *address);
