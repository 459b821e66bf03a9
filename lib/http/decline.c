#include "lib/http/decline.h"

#include "lib/error.h"

void tb_http_decline(TbRequest *request, const GError *error)
{
        int status = tb_error_status(error);
        if (status == 401)
                tb_request_add_header(request, "WWW-Authenticate", "Bearer");
        if (status == 503)
                tb_request_add_header(request, "Retry-After", "5");
        tb_request_reply_error(request, error);
}
