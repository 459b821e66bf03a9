#pragma once
/* Limits of rules (host/rules), besides those of lib/limits.h. */
#define TB_LIMIT_RULE_WEBHOOKS                                                                               \
        200                   /* that wait to be sent, of a host; above, the oldest that waits is given up */
#define TB_LIMIT_RULE_CHAIN 6 /* rules that set each other off through one device, one by the other */
#define TB_LIMIT_RULE_TRIES 4 /* rules that are run over what is recorded at once, on a host */
