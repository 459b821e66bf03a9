/* Texts of /proc. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "drivers/transport/samples.h"
#include "drivers/vitals/vitals_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        double load[3], uptime;
        TbVitalsMemory memory;
        TbVitalsCpu cpu;
        TbVitalsNet net;
        if (tb_vitals_parse_load(text, load))
                g_assert_true(isfinite(load[0]) && isfinite(load[2]));
        if (tb_vitals_parse_memory(text, &memory))
                g_assert_true(memory.total > 0 && isfinite(memory.available));
        tb_vitals_parse_cpu(text, &cpu);
        tb_vitals_parse_net(text, &net);
        tb_vitals_parse_uptime(text, &uptime);
        g_autofree char *part = tb_samples_part(text);
        g_assert_cmpuint(strspn(part, "abcdefghijklmnopqrstuvwxyz0123456789-"), ==, strlen(part));
        return 0;
}
