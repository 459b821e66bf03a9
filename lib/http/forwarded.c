#include "lib/http/forwarded.h"

#include <arpa/inet.h>
#include <string.h>

/* --- one node --- */
static gsize trim(const char **text, gsize size)
{
        while (size > 0 && (**text == ' ' || **text == '\t')) {
                (*text)++;
                size--;
        }
        while (size > 0 && ((*text)[size - 1] == ' ' || (*text)[size - 1] == '\t'))
                size--;
        return size;
}

static bool is_port(const char *text)
{
        gsize n = *text == ':' ? strspn(text + 1, "0123456789") : 0;
        return *text == '\0' || (n > 0 && n <= 5 && text[1 + n] == '\0');
}

bool tb_forwarded_address(const char *text, gsize size, char ret_address[TB_ADDRESS_TEXT])
{
        char copy[TB_ADDRESS_TEXT + 16];
        size = trim(&text, size);
        if (size >= 2 && text[0] == '"' && text[size - 1] == '"') {
                text++;
                size -= 2;
        }
        if (size == 0 || size >= sizeof copy || memchr(text, '\0', size))
                return false;
        memcpy(copy, text, size);
        copy[size] = '\0';
        char *address = copy;
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } parsed = {0};
        if (*address == '[') {
                char *end = strchr(++address, ']');
                if (!end || !is_port(end + 1))
                        return false;
                *end = '\0';
        } else if (strchr(address, '.') && strchr(address, ':') == strrchr(address, ':')) {
                char *colon = strchr(address, ':');
                if (colon && !is_port(colon))
                        return false;
                if (colon)
                        *colon = '\0';
        }
        if (inet_pton(AF_INET, address, &parsed.v4.sin_addr) == 1)
                parsed.any.sa_family = AF_INET;
        else if (inet_pton(AF_INET6, address, &parsed.v6.sin6_addr) == 1)
                parsed.any.sa_family = AF_INET6;
        else
                return false;
        tb_address_text(&parsed.any, ret_address); /* one spelling for each address */
        return true;
}

/* --- lists --- */
/* The last of the list's elements that end at or before *end; *end moves before it. Commas in quotes do not
 * separate. */
static bool last_element(const char *list, gsize *end, const char **ret_text, gsize *ret_size)
{
        bool quoted = false;
        gsize begin = 0;
        if (*end == 0)
                return false;
        for (gsize i = 0; i < *end; i++) {
                if (list[i] == '\\' && quoted && i + 1 < *end)
                        i++;
                else if (list[i] == '"')
                        quoted = !quoted;
                else if (list[i] == ',' && !quoted)
                        begin = i + 1;
        }
        *ret_text = list + begin;
        *ret_size = *end - begin;
        *end = begin ? begin - 1 : 0;
        return true;
}

/* The value of a parameter in one element of Forwarded. */
static bool find_param(const char *element, gsize size, const char *name, const char **ret_text,
                       gsize *ret_size)
{
        const char *end = element + size;
        gsize n = strlen(name);
        while (element < end) {
                const char *stop = element;
                for (bool quoted = false; stop < end && (quoted || *stop != ';'); stop++)
                        quoted ^= *stop == '"';
                const char *text = element;
                gsize length = trim(&text, (gsize)(stop - element));
                if (length > n && text[n] == '=' && g_ascii_strncasecmp(text, name, n) == 0) {
                        *ret_text = text + n + 1;
                        *ret_size = length - n - 1;
                        return true;
                }
                element = stop + 1;
        }
        return false;
}

#define HOPS 32 /* looked at; whoever writes more is a stranger */

TbHop tb_forwarded_client(const char *forwarded_for, const char *forwarded, const TbNets *trusted,
                          char ret_address[TB_ADDRESS_TEXT])
{
        const char *list = forwarded_for ? forwarded_for : forwarded, *text;
        gsize end = list ? strlen(list) : 0, size;
        TbHop hop = list ? TB_HOP_UNKNOWN : TB_HOP_NONE;
        for (guint i = 0; i < HOPS && last_element(list, &end, &text, &size); i++) {
                char address[TB_ADDRESS_TEXT];
                if (!forwarded_for && !find_param(text, size, "for", &text, &size))
                        return TB_HOP_UNKNOWN;
                if (!tb_forwarded_address(text, size, address))
                        return TB_HOP_UNKNOWN;
                g_strlcpy(ret_address, address, TB_ADDRESS_TEXT);
                hop = TB_HOP_CLIENT;
                if (!tb_address_is_loopback(address) && !tb_nets_have(trusted, address))
                        return TB_HOP_CLIENT;
        }
        return end > 0 ? TB_HOP_UNKNOWN : hop;
}

char *tb_forwarded_last(const char *forwarded, const char *name)
{
        const char *text;
        gsize end = forwarded ? strlen(forwarded) : 0, size;
        if (!forwarded || !last_element(forwarded, &end, &text, &size) ||
            !find_param(text, size, name, &text, &size))
                return NULL;
        if (size >= 2 && text[0] == '"' && text[size - 1] == '"')
                return g_strndup(text + 1, size - 2);
        return g_strndup(text, size);
}
