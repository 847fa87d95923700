from orders_service.orders import views
from shared.http import openapi, paths

urlpatterns = [
    *openapi.schema_paths("api/orders/schema"),
    *paths.path_either("api/orders", views.Orders.as_view(), name="orders"),
    *paths.path_either("api/orders/<str:order_id>", views.Order.as_view(), name="order"),
]
