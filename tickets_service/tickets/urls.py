from shared.http import openapi, paths
from tickets_service.tickets import views

urlpatterns = [
    *openapi.schema_paths("api/tickets/schema"),
    *paths.path_either("api/tickets", views.Tickets.as_view(), name="tickets"),
    *paths.path_either("api/tickets/<str:ticket_id>", views.Ticket.as_view(), name="ticket"),
]
